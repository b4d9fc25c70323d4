//! A list of devices as a file: CSV by RFC 4180, as spreadsheets and exports write it.

use std::collections::HashMap;

use csv::{ReaderBuilder, StringRecord};

use super::{Device, group_of};
use crate::Refusal;
use crate::names::device_name_of;

/// Devices of a list at most.
const DEVICES: usize = 200_000;

/// Letters of a cell that a message shows, at most.
const SHOWN: usize = 80;

/// Most cells of a line: six have a meaning, and spreadsheets leave empty ones behind them.
const CELLS: usize = 256;

/// Longest cell in bytes: a description has 128 letters.
const CELL: usize = 4096;

/// The columns of a line without a title, in their order; a title may have others.
const COLUMNS: [&str; 6] = ["name", "model", "protocol", "security", "nodes", "description"];

/// What stands between cells: RFC 4180, and what spreadsheets of other languages write.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// A line that is put behind the last one. If it is not read as one, a quote before it was left open; nothing in a list looks like it,
/// because NUL is refused there.
const END: &str = "\n\0";

/// A device of a list, and the line that it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDevice {
    /// The line, from 1.
    pub line: usize,
    /// The device.
    pub device: Device,
}

/// Reads a list of devices: one a line, `name,model,protocol,security,nodes,description`, where everything behind the name
/// may be missing and nodes are separated by `+`. Cells may stand in quotes, which are doubled inside; semicolons or tabs may stand
/// between them. A first line with a cell `name` is a title, which says what the columns are; `#` begins a comment.
///
/// # Errors
/// [`Refusal::BadInput`] with the number of the line: what cannot be read, a node that is none of `nodes`, a device that
/// stands on two lines.
pub fn parse_list(text: &str, nodes: &[String]) -> Result<Vec<ListedDevice>, Refusal> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(place) = text.find('\0') {
        let line = 1 + text.bytes().take(place).filter(|byte| *byte == b'\n').count();
        return Err(at(line, "a NUL byte; save the list as CSV in UTF-8"));
    }
    let bytes = [text, END].concat();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .delimiter(separator(&bytes))
        .from_reader(bytes.as_bytes());
    let columns = (0..COLUMNS.len()).map(Some).collect();
    let mut list = List { nodes, devices: Vec::new(), lines: HashMap::new(), started: false, columns };
    let mut record = StringRecord::new();
    let mut lines = Lines { bytes: bytes.as_bytes(), to: 0, line: 1 };
    let mut line = 1;
    while reader.read_record(&mut record).map_err(|error| Refusal::BadInput(error.to_string()))? {
        line = lines.of(record.position().map_or(0, |place| usize::try_from(place.byte()).unwrap_or(usize::MAX)));
        if record.len() == 1 && record.get(0) == Some("\0") {
            return Ok(list.devices);
        }
        if record.iter().any(|cell| cell.contains('\0')) {
            break;
        }
        list.take(line, &record)?;
    }
    Err(at(line, "a quote that begins a cell is not closed"))
}

fn at(line: usize, error: &str) -> Refusal {
    Refusal::BadInput(format!("line {line}: {error}"))
}

/// What stands between the cells: the first of the separators outside of quotes. Names have none of them.
fn separator(text: &str) -> u8 {
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut quoted = false;
        for byte in line.bytes() {
            quoted ^= byte == b'"';
            if !quoted && SEPARATORS.contains(&byte) {
                return byte;
            }
        }
    }
    b','
}

/// Counts lines.
struct Lines<'a> {
    bytes: &'a [u8],
    to: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of the record that the reader found from this byte on: it passes over empty lines and comments.
    fn of(&mut self, from: usize) -> usize {
        let mut start = from.max(self.to);
        loop {
            let rest = self.bytes.get(start..).unwrap_or_default();
            match rest.first() {
                Some(b'\r' | b'\n') => start += 1,
                Some(b'#') => start += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
                _ => break,
            }
        }
        let passed = self.bytes.get(self.to..start).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.to = start;
        self.line
    }
}

struct List<'a> {
    nodes: &'a [String],
    devices: Vec<ListedDevice>,
    lines: HashMap<String, usize>,
    started: bool,
    /// Where each of [`COLUMNS`] stands in a line, if anywhere.
    columns: Vec<Option<usize>>,
}

impl List<'_> {
    fn take(&mut self, line: usize, record: &StringRecord) -> Result<(), Refusal> {
        if record.len() > CELLS {
            return Err(at(line, &format!("{} cells; a line has {CELLS} at most", record.len())));
        }
        let cells: Vec<&str> = record.iter().map(str::trim).collect();
        let first = !std::mem::replace(&mut self.started, true);
        if cells.as_slice() == [""] {
            return Ok(());
        }
        // Excel writes so what stands between the cells.
        if first && matches!(cells.as_slice(), ["sep=", ""]) {
            self.started = false;
            return Ok(());
        }
        if first && is_title(&cells) {
            self.columns = columns(&cells).map_err(|error| at(line, &error))?;
            return Ok(());
        }
        let device = device(&cells, &self.columns).map_err(|error| at(line, &error))?;
        group_of(&device.nodes, self.nodes).map_err(|error| at(line, &error.to_string()))?;
        if let Some(first) = self.lines.insert(device.name.clone(), line) {
            return Err(at(line, &format!("{} stands on line {first} already", device.name)));
        }
        if self.devices.len() >= DEVICES {
            return Err(Refusal::BadInput(format!("more than {DEVICES} devices in one list")));
        }
        self.devices.push(ListedDevice { line, device });
        Ok(())
    }
}

/// Whether a first line names columns: no device is called so.
fn is_title(cells: &[&str]) -> bool {
    let known = |cell: &str| COLUMNS.iter().any(|column| column.eq_ignore_ascii_case(cell));
    cells.iter().any(|cell| cell.eq_ignore_ascii_case("name")) || cells.iter().all(|cell| known(cell))
}

/// Where the columns stand that a title names.
fn columns(title: &[&str]) -> Result<Vec<Option<usize>>, String> {
    let form = COLUMNS.join(",");
    for (index, cell) in title.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
        let shown: String = cell.chars().take(SHOWN).collect();
        if !COLUMNS.iter().any(|column| column.eq_ignore_ascii_case(cell)) {
            return Err(format!(
                "the title has a column `{}`; the columns are {form}, in any order, all but name may be missing",
                shown.escape_debug()
            ));
        }
        if title.iter().take(index).any(|before| before.eq_ignore_ascii_case(cell)) {
            return Err(format!("the title has the column `{shown}` twice"));
        }
    }
    let place = |column: &&str| title.iter().position(|cell| cell.eq_ignore_ascii_case(column));
    let places: Vec<Option<usize>> = COLUMNS.iter().map(place).collect();
    match places.first() {
        Some(Some(_)) => Ok(places),
        _ => Err(format!("the title has no column `name`; the columns are {form}, in any order")),
    }
}

fn device(cells: &[&str], columns: &[Option<usize>]) -> Result<Device, String> {
    if let Some(cell) = cells.iter().find(|cell| cell.len() > CELL) {
        return Err(format!("a cell of {} bytes, above the limit of {CELL}", cell.len()));
    }
    let named = |index: usize| columns.contains(&Some(index));
    if cells.iter().enumerate().any(|(index, cell)| !cell.is_empty() && !named(index)) {
        let count = columns.iter().flatten().count();
        return Err(format!("more than {count} cells; a description with a comma stands in quotes"));
    }
    let cell = |column: usize| {
        let index = columns.get(column).copied().flatten()?;
        cells.get(index).copied().filter(|cell| !cell.is_empty())
    };
    let name = cell(0).ok_or("no name")?;
    let model = cell(1).unwrap_or("8861").to_owned();
    let name = device_name_of(name, &model).map_err(|error| error.to_string())?;
    let protocol = cell(2).unwrap_or("SIP").parse()?;
    let security = cell(3).unwrap_or("non-secure").parse()?;
    let nodes = cell(4).map(|nodes| nodes.split('+').map(|node| node.trim().to_owned()).collect()).unwrap_or_default();
    let description = cell(5).unwrap_or_default().to_owned();
    Ok(Device { name, description, model, protocol, security, nodes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What a spreadsheet writes is read as it stood in its cells, whatever the order of the columns, the separator, the line
        /// ends and the letters of a description; each device with the line on which it begins.
        #[test]
        fn cells_come_back(
            descriptions in proptest::collection::vec("[a-zA-Z0-9,;'\"+#]{1,40}", 1..20),
            separator in proptest::sample::select(vec![",", ";", "\t"]),
            end in proptest::sample::select(vec!["\n", "\r\n"]),
            columns in Just(vec!["name", "model", "description"]).prop_shuffle(),
            gaps in proptest::collection::vec(0..3_usize, 20),
        ) {
            let mut text = columns.join(separator) + end;
            let (mut line, mut wanted) = (2, Vec::new());
            for (index, description) in descriptions.iter().enumerate() {
                text += &end.repeat(gaps[index]);
                line += gaps[index];
                let name = format!("SEP{index:012X}");
                let cell = |column: &&str| match *column {
                    "name" => name.clone(),
                    "model" => "8861".to_owned(),
                    _ => format!("\"{}\"", description.replace('"', "\"\"")),
                };
                text += &columns.iter().map(cell).collect::<Vec<_>>().join(separator);
                text += end;
                wanted.push((line, name.clone(), description.clone()));
                line += 1;
            }
            let listed = parse_list(&text, &[]).map_err(|error| TestCaseError::fail(format!("{error} in {text:?}")))?;
            let found: Vec<_> = listed.into_iter().map(|one| (one.line, one.device.name, one.device.description)).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
