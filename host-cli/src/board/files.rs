//! An image as a file that a board's own tools take: ELF, Intel HEX or UF2.

use ihex::Record;

use super::Board;
use super::elf::Contents;

/// What is known of a real board's chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chip {
    /// Its name with probe-rs.
    pub probe: &'static str,
    /// Its family in UF2 files, if it has one.
    pub family: Option<u32>,
}

/// The chip of a board; nothing for those that exist only in the emulator.
pub fn chip(board: &Board) -> Option<Chip> {
    match board.name {
        "b-l475e-iot01a" => Some(Chip { probe: "STM32L475VGTx", family: Some(0x00ff_6919) }),
        "microbit" => Some(Chip { probe: "nRF51822_xxAA", family: None }),
        _ => None,
    }
}

/// Bytes of data in a HEX record.
const RECORD: usize = 16;

/// The image as Intel HEX.
///
/// # Errors
/// What the records' writer says.
pub fn hex(contents: &Contents) -> Result<String, ihex::WriterError> {
    let (mut records, mut upper) = (Vec::new(), None);
    for (start, bytes) in &contents.pieces {
        let mut at = *start;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            // A record stays within 64 KB, whose upper half is told before it.
            let room = 0x1_0000 - (at as usize & 0xffff);
            let (part, others) = rest.split_at(RECORD.min(room).min(rest.len()));
            if upper != Some(at >> 16) {
                upper = Some(at >> 16);
                records.push(Record::ExtendedLinearAddress((at >> 16) as u16));
            }
            records.push(Record::Data { offset: at as u16, value: part.to_vec() });
            at = at.wrapping_add(part.len() as u32);
            rest = others;
        }
    }
    records.push(Record::EndOfFile);
    ihex::create_object_file_representation(&records).map(|text| text.trim_end().to_owned() + "\n")
}

/// Bytes of flash that one block of UF2 carries.
const PAYLOAD: u32 = 256;

/// The image as UF2 (Microsoft's "UF2 file format"): blocks of 512 bytes with 256 of flash each, aligned;
/// what no piece covers of a block is 0xff, as erased flash is.
pub fn uf2(contents: &Contents, family: Option<u32>) -> Vec<u8> {
    let mut blocks: std::collections::BTreeMap<u32, [u8; PAYLOAD as usize]> = std::collections::BTreeMap::new();
    for (start, bytes) in &contents.pieces {
        for (address, &byte) in (*start..).zip(bytes) {
            let block = blocks.entry(address / PAYLOAD * PAYLOAD).or_insert([0xff; PAYLOAD as usize]);
            block[(address % PAYLOAD) as usize] = byte;
        }
    }
    let mut file = Vec::with_capacity(blocks.len() * 512);
    for (i, (address, data)) in blocks.iter().enumerate() {
        let flags = if family.is_some() { 0x2000 } else { 0 };
        let head =
            [0x0a32_4655, 0x9e5d_5157, flags, *address, PAYLOAD, i as u32, blocks.len() as u32, family.unwrap_or(0)];
        head.iter().for_each(|word| file.extend(word.to_le_bytes()));
        file.extend(data);
        file.resize(i * 512 + 508, 0);
        file.extend(0x0ab1_6f30_u32.to_le_bytes());
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents() -> Contents {
        let long = (0..70_000u32).map(|i| (i * 7) as u8).collect();
        Contents { pieces: vec![(0x0800_fff8, long), (0x0900_0003, vec![1, 2, 3])], ram: 0 }
    }

    /// Bytes by address, as the image has them.
    fn expected() -> Vec<(u32, u8)> {
        contents().pieces.into_iter().flat_map(|(at, bytes)| (at..).zip(bytes)).collect()
    }

    #[test]
    fn hex_reads_back_to_the_same_bytes() {
        let text = hex(&contents()).unwrap();
        let (mut upper, mut read) = (0, Vec::new());
        for record in ihex::Reader::new(&text) {
            match record.unwrap() {
                Record::ExtendedLinearAddress(half) => upper = u32::from(half) << 16,
                Record::Data { offset, value } => read.extend((upper + u32::from(offset)..).zip(value)),
                Record::EndOfFile => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(read, expected());
        assert!(text.ends_with(":00000001FF\n"));
    }

    #[test]
    fn uf2_reads_back_to_the_same_bytes() {
        let file = uf2(&contents(), Some(0x00ff_6919));
        let word = |block: &[u8], i: usize| u32::from_le_bytes(block[4 * i..4 * i + 4].try_into().unwrap());
        let blocks: Vec<&[u8]> = file.chunks(512).collect();
        let mut read = std::collections::BTreeMap::new();
        for (i, block) in blocks.iter().enumerate() {
            let head: Vec<u32> = (0..8).map(|i| word(block, i)).collect();
            assert_eq!((head[0], head[1], word(block, 127)), (0x0a32_4655, 0x9e5d_5157, 0x0ab1_6f30));
            assert_eq!((head[2], head[7]), (0x2000, 0x00ff_6919));
            assert_eq!((head[4], head[5], head[6]), (256, i as u32, blocks.len() as u32));
            assert_eq!(head[3] % 256, 0);
            read.extend((head[3]..).zip(block[32..288].iter().copied()));
        }
        for (address, byte) in expected() {
            assert_eq!(read.remove(&address), Some(byte));
        }
        assert!(read.values().all(|&byte| byte == 0xff), "what no piece covers is as erased flash");
    }
}
