//! The shop's departments. They change with the program, not with the data.

/// A department of the shop.
#[derive(Debug)]
pub struct Category {
    /// The name in URLs and in `products.category_id`.
    pub slug: &'static str,
    /// The name on pages.
    pub name: &'static str,
    /// One line about it.
    pub line: &'static str,
    /// Which drawing its products have, see `web::art`.
    pub art: &'static str,
    /// `FOOD` or `NON_FOOD`.
    pub kind: &'static str,
    /// What its products are, with the lowest and highest price in cents.
    pub goods: &'static [(&'static str, i64, i64)],
    /// What goes before such a name.
    pub styles: &'static [&'static str],
    /// Words that customers search by.
    pub tags: &'static [&'static str],
}

impl Category {
    /// The drawing of one of its goods.
    pub fn drawing(&self, noun: &str) -> &'static str {
        match noun {
            "Oat Cookies" | "Ginger Snaps" | "Biscotti" | "Morning Buns" => "cookies",
            "Maple Syrup" | "Body Oil" | "Linen Mist" | "Hand Balm" => "bottle",
            "Cereal Bowl" | "Serving Bowl" | "Dinner Plate" => "bowl",
            "Vase" | "Dried Bouquet" => "vase",
            "Granola" | "Coffee Beans" | "Espresso Blend" | "Black Tea" | "Green Tea" | "Bath Salts" | "Seed Collection" | "Bulb Mix" => "bag",
            _ => self.art,
        }
    }

    /// Which colourings suit it: nobody eats blue bread.
    pub fn colours(&self) -> &'static [usize] {
        match self.slug {
            "bakery" => &[1, 2, 4, 10],
            "dairy" => &[1, 5, 10],
            "garden" => &[0, 7],
            _ => &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
        }
    }
}

/// All departments, in the order of the menu.
pub const CATEGORIES: &[Category] = &[
    Category {
        slug: "bakery",
        name: "Bakery",
        line: "Baked this morning, on its way by noon.",
        art: "loaf",
        kind: "FOOD",
        goods: &[
            ("Sourdough", 850, 1_400),
            ("Rye Loaf", 800, 1_300),
            ("Focaccia", 900, 1_500),
            ("Morning Buns", 1_200, 2_400),
            ("Oat Cookies", 900, 1_800),
            ("Ginger Snaps", 900, 1_600),
            ("Biscotti", 1_000, 1_900),
            ("Granola", 1_100, 1_800),
        ],
        styles: &["Country", "Seeded", "Cardamom", "Almond", "Rosemary", "Honey", "Malted", "Orchard"],
        tags: &["bread", "baked", "breakfast", "vegetarian"],
    },
    Category {
        slug: "pantry",
        name: "Honey & Preserves",
        line: "Summer, with a lid on.",
        art: "jar",
        kind: "FOOD",
        goods: &[
            ("Honey", 1_100, 2_600),
            ("Jam", 900, 1_500),
            ("Marmalade", 950, 1_500),
            ("Fruit Butter", 950, 1_600),
            ("Chutney", 900, 1_500),
            ("Pickles", 900, 1_600),
            ("Maple Syrup", 1_400, 3_400),
            ("Chili Crisp", 1_100, 1_700),
        ],
        styles: &["Wildflower", "Fig", "Apple", "Elderflower", "Quince", "Smoked", "Blackcurrant", "Meadow"],
        tags: &["jar", "sweet", "gift", "small batch"],
    },
    Category {
        slug: "dairy",
        name: "Cheese & Dairy",
        line: "From herds with names.",
        art: "cheese",
        kind: "FOOD",
        goods: &[
            ("Tomme", 1_600, 3_200),
            ("Blue", 1_400, 2_800),
            ("Goat Log", 1_100, 1_900),
            ("Cheddar", 1_200, 2_600),
            ("Brie", 1_200, 2_200),
            ("Cultured Butter", 900, 1_400),
        ],
        styles: &["Cave-Aged", "Ash-Rolled", "Meadow", "Clothbound", "Washed-Rind", "Alpine"],
        tags: &["cheese", "chilled", "farmhouse"],
    },
    Category {
        slug: "drinks",
        name: "Tea & Coffee",
        line: "Small roasts and slow steeps.",
        art: "cup",
        kind: "FOOD",
        goods: &[
            ("Coffee Beans", 1_500, 2_400),
            ("Espresso Blend", 1_600, 2_500),
            ("Black Tea", 1_100, 2_200),
            ("Green Tea", 1_200, 2_600),
            ("Herbal Infusion", 900, 1_600),
            ("Drinking Chocolate", 1_200, 1_900),
        ],
        styles: &["Harbor", "Night Shift", "Orchard", "First Frost", "Campfire", "Lighthouse", "Hilltop"],
        tags: &["hot", "loose leaf", "roasted", "morning"],
    },
    Category {
        slug: "candles",
        name: "Candles & Scent",
        line: "Light that smells of somewhere.",
        art: "candle",
        kind: "NON_FOOD",
        goods: &[
            ("Beeswax Candle", 1_400, 3_600),
            ("Soy Candle", 1_600, 3_400),
            ("Pillar Set", 2_400, 5_200),
            ("Incense", 900, 1_800),
            ("Linen Mist", 1_400, 2_200),
        ],
        styles: &["Cedar", "Fig Leaf", "Tomato Vine", "Rainwater", "Bergamot", "Hearth", "Salt Marsh"],
        tags: &["home", "gift", "hand-poured"],
    },
    Category {
        slug: "pottery",
        name: "Pottery & Table",
        line: "Thrown, glazed and signed by hand.",
        art: "mug",
        kind: "NON_FOOD",
        goods: &[
            ("Mug", 2_600, 4_400),
            ("Cereal Bowl", 2_800, 4_800),
            ("Dinner Plate", 3_200, 5_600),
            ("Serving Bowl", 5_600, 11_000),
            ("Vase", 4_200, 12_000),
            ("Espresso Cup Pair", 3_600, 5_800),
        ],
        styles: &["Speckled", "Celadon", "Ash-Glazed", "Indigo", "Terracotta", "Dune", "Moss"],
        tags: &["stoneware", "dishwasher safe", "handmade"],
    },
    Category {
        slug: "textiles",
        name: "Textiles & Knits",
        line: "Wool, linen and patience.",
        art: "scarf",
        kind: "NON_FOOD",
        goods: &[
            ("Throw Blanket", 8_800, 18_500),
            ("Scarf", 4_800, 9_500),
            ("Tea Towel Pair", 2_400, 3_800),
            ("Cushion Cover", 3_600, 6_800),
            ("Wool Socks", 2_200, 3_400),
            ("Table Runner", 4_200, 7_600),
        ],
        styles: &["Herringbone", "Undyed", "Indigo-Dyed", "Fisherman", "Striped", "Merino", "Heather"],
        tags: &["wool", "linen", "warm", "handwoven"],
    },
    Category {
        slug: "bath",
        name: "Soap & Bath",
        line: "Clean, with a story.",
        art: "soap",
        kind: "NON_FOOD",
        goods: &[
            ("Bar Soap", 800, 1_300),
            ("Bath Salts", 1_400, 2_400),
            ("Hand Balm", 1_200, 2_000),
            ("Body Oil", 2_200, 3_800),
            ("Shampoo Bar", 1_200, 1_700),
            ("Lip Balm Trio", 1_200, 1_800),
        ],
        styles: &["Oat Milk", "Lavender", "Pine Tar", "Sea Salt", "Calendula", "Rosemary Mint", "Goat Milk"],
        tags: &["natural", "unscented", "gift", "vegan"],
    },
    Category {
        slug: "garden",
        name: "Plants & Garden",
        line: "Things that go on growing.",
        art: "plant",
        kind: "NON_FOOD",
        goods: &[
            ("Herb Trio", 1_800, 2_800),
            ("Potted Fern", 2_400, 5_400),
            ("Seed Collection", 1_200, 2_400),
            ("Bulb Mix", 1_600, 3_200),
            ("Dried Bouquet", 2_800, 5_800),
            ("Terrarium", 4_800, 9_800),
        ],
        styles: &["Woodland", "Kitchen", "Cottage", "Shade", "Pollinator", "Maidenhair", "Heirloom"],
        tags: &["green", "outdoor", "living", "seeds"],
    },
    Category {
        slug: "paper",
        name: "Paper & Prints",
        line: "Pressed, inked and numbered.",
        art: "print",
        kind: "NON_FOOD",
        goods: &[
            ("Linocut Print", 3_400, 9_500),
            ("Notebook", 1_400, 2_600),
            ("Letterpress Cards", 1_600, 2_800),
            ("Wall Calendar", 2_200, 3_200),
            ("Wrapping Paper", 900, 1_600),
            ("Risograph Poster", 2_400, 4_800),
        ],
        styles: &["Tidal", "Field Guide", "Night Garden", "Heron", "Folded", "Bramble", "Two-Color"],
        tags: &["paper", "gift", "wall", "limited edition"],
    },
];

/// The department with this slug.
pub fn category(slug: &str) -> Option<&'static Category> {
    CATEGORIES.iter().find(|category| category.slug == slug)
}
