//! Protobuf's wire format: fields one after the other, borrowed from the body; and the two lines that answers need to write.

use super::Malformed;

/// One field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    /// int32, int64, uint64, bool, enum
    Varint(u64),
    /// fixed64, double
    Fixed64(u64),
    /// string, bytes, messages
    Bytes(&'a [u8]),
    /// fixed32, float
    Fixed32(u32),
}

/// Reads the fields of one message.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// Number and value of the next field; `None` at the end.
    pub(super) fn field(&mut self) -> Result<Option<(u64, Field<'a>)>, Malformed> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| cut())?;
                Field::Bytes(self.take(length)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.array()?)),
            other => return Err(Malformed::because(format!("This is not protobuf: wire type {other}."))),
        };
        match key >> 3 {
            0 => Err(Malformed::because("This is not protobuf: field number 0.")),
            number => Ok(Some((number, field))),
        }
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed::because("This is not protobuf: a number of more than ten bytes."))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.0.split_at_checked(length).ok_or_else(cut)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or_else(cut)?;
        self.0 = tail;
        Ok(*head)
    }
}

fn cut() -> Malformed {
    Malformed::because("The protobuf message ends in the middle of a field.")
}

/// Calls `each` with every message of field `number`; other fields are checked and skipped.
pub(super) fn nested<'a>(message: &'a [u8], number: u64, mut each: impl FnMut(&'a [u8]) -> Result<(), Malformed>) -> Result<(), Malformed> {
    let mut reader = Reader::new(message);
    while let Some((found, field)) = reader.field()? {
        if let (true, Field::Bytes(bytes)) = (found == number, field) {
            each(bytes)?;
        }
    }
    Ok(())
}

/// Appends a varint field; zero is left out, as proto3 does.
pub(super) fn put_varint(out: &mut Vec<u8>, number: u8, value: u64) {
    if value > 0 {
        out.push(number << 3);
        varint(out, value);
    }
}

/// Appends a field of bytes; an empty one is left out unless it is a message (`always`).
pub(super) fn put_bytes(out: &mut Vec<u8>, number: u8, bytes: &[u8], always: bool) {
    if always || !bytes.is_empty() {
        out.push(number << 3 | 2);
        varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits are taken at a time")]
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
