//! Bodies are kept compressed: a tenth of the bytes to write for a few microseconds.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

use super::StoreError;

/// The fastest level: what it leaves on the table is not worth its time.
const LEVEL: i32 = 1;
/// No delivery is larger; a stored body that claims more is damaged.
const LARGEST: usize = 64 << 20;

thread_local! {
    // A context costs as much to make as a body costs to compress, so each thread keeps its own.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Compresses a body.
pub(super) fn pack(body: &[u8]) -> Result<Vec<u8>, StoreError> {
    let packed = COMPRESSOR.with_borrow_mut(|slot| {
        let compressor = match slot {
            Some(compressor) => compressor,
            None => slot.insert(Compressor::new(LEVEL)?),
        };
        compressor.compress(body)
    });
    packed.map_err(|error| StoreError::Unavailable(format!("a body cannot be compressed: {error}")))
}

/// Reads a body back.
pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>, StoreError> {
    let damaged = |why: String| StoreError::Damaged(format!("the body of a delivery: {why}"));
    let size = Decompressor::upper_bound(packed).filter(|_size| !packed.is_empty());
    let size = size.ok_or_else(|| damaged("it is not compressed as ours are".to_owned()))?;
    if size > LARGEST {
        return Err(damaged(format!("it claims {size} bytes")));
    }
    let body = DECOMPRESSOR.with_borrow_mut(|slot| {
        let decompressor = match slot {
            Some(decompressor) => decompressor,
            None => slot.insert(Decompressor::new()?),
        };
        decompressor.decompress(packed, size)
    });
    body.map_err(|error| damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_back_as_it_went_in() {
        for body in [Vec::new(), b"{}".to_vec(), b"\x00\xff".repeat(100_000)] {
            assert_eq!(unpack(&pack(&body).unwrap()).unwrap(), body);
        }
        let json = br#"{"object_kind":"merge_request","project":{"id":1}}"#.repeat(100);
        assert!(pack(&json).unwrap().len() * 5 < json.len(), "bodies are stored compressed");
    }

    #[test]
    fn a_damaged_body_is_named_as_such() {
        let mut packed = pack(&b"abc".repeat(50)).unwrap();
        packed.truncate(packed.len() - 3);
        for packed in [&b"no zstd"[..], b"", &packed] {
            let error = unpack(packed).map(|body| body.len());
            assert!(matches!(error, Err(StoreError::Damaged(_))), "{error:?}");
        }
    }
}
