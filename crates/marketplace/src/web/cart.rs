//! The cart: a list of products and quantities in a cookie. It is a wish, not a fact: names, prices and stock are looked
//! up whenever it is shown or bought.

use uuid::Uuid;

use crate::store::shelf::MAX_LINES;

/// Most pieces of one product.
pub const MAX_QUANTITY: i64 = 20;

/// What a visitor wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cart(pub Vec<(Uuid, i64)>);

impl Cart {
    /// Reads a cookie's value; what makes no sense is left out.
    pub fn read(text: &str) -> Self {
        let mut cart = Self::default();
        for line in text.split('_').take(MAX_LINES) {
            let pair = line.split_once('.').and_then(|(id, count)| Some((Uuid::try_parse(id).ok()?, count.parse().ok()?)));
            if let Some((id, count)) = pair {
                cart.add(id, count);
            }
        }
        cart
    }

    /// The cookie's value.
    pub fn write(&self) -> String {
        let lines: Vec<_> = self.0.iter().map(|(id, count)| format!("{}.{count}", id.simple())).collect();
        lines.join("_")
    }

    /// Puts `count` more of a product in. False when the cart has no place for another product.
    pub fn add(&mut self, product: Uuid, count: i64) -> bool {
        let count = count.clamp(1, MAX_QUANTITY);
        if let Some((_, there)) = self.0.iter_mut().find(|(id, _)| *id == product) {
            *there = (*there + count).min(MAX_QUANTITY);
            return true;
        }
        if self.0.len() >= MAX_LINES {
            return false;
        }
        self.0.push((product, count));
        true
    }

    /// Sets how many of a product; 0 takes it out.
    pub fn set(&mut self, product: Uuid, count: i64) {
        if count <= 0 {
            self.0.retain(|(id, _)| *id != product);
        } else if let Some((_, there)) = self.0.iter_mut().find(|(id, _)| *id == product) {
            *there = count.min(MAX_QUANTITY);
        }
    }

    /// Pieces in all.
    pub fn pieces(&self) -> i64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// The products.
    pub fn ids(&self) -> Vec<Uuid> {
        self.0.iter().map(|(id, _)| *id).collect()
    }

    /// How many of a product.
    pub fn count(&self, product: Uuid) -> i64 {
        self.0.iter().find(|(id, _)| *id == product).map_or(0, |(_, count)| *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cart_survives_its_cookie_and_nonsense_does_not() {
        let mut cart = Cart::default();
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(cart.add(a, 2) && cart.add(b, 99) && cart.add(a, 1));
        assert_eq!(Cart::read(&cart.write()), cart);
        assert_eq!((cart.count(a), cart.count(b), cart.pieces()), (3, 20, 23));
        cart.set(a, 0);
        assert_eq!(cart.ids(), [b]);
        assert_eq!(Cart::read("x.1_00000000000000000000000000000001.z__.").0, []);
        let many: Vec<_> = (0..50).map(|n| format!("{}.1", Uuid::from_u128(n).simple())).collect();
        assert_eq!(Cart::read(&many.join("_")).0.len(), MAX_LINES);
    }
}
