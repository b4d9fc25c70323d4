//! The tables *Where do I find* of ARCHITECTURE.md: each file is there, and each name is in it.

use std::fs;
use std::path::Path;

use crate::stop::Stop;

/// The document.
const DOCUMENT: &str = "ARCHITECTURE.md";
/// The heading above the tables.
const HEADING: &str = "## Where do I find";

/// One sentence for each row that leads nowhere.
pub fn check_ways(root: &Path) -> Result<Vec<String>, Stop> {
    let text = fs::read_to_string(root.join(DOCUMENT))
        .map_err(|error| Stop::unable(format!("{DOCUMENT} cannot be read: {error}; is this the whole tree?")))?;
    let complaint = |(question, file, name): (&str, &str, &str)| match fs::read_to_string(root.join(file)) {
        Err(error) => Some(format!("{DOCUMENT} sends `{question}` to {file}: {error}; name the file where it is now")),
        Ok(source) if !source.contains(name) => Some(format!(
            "{DOCUMENT} sends `{question}` to `{name}` in {file}, which is not there: name what it is called now"
        )),
        Ok(_) => None,
    };
    let complaints: Vec<String> = rows(&text).filter_map(complaint).collect();
    if rows(&text).next().is_none() {
        return Ok(vec![format!("{DOCUMENT} has no rows under `{HEADING}`")]);
    }
    Ok(complaints)
}

/// Question, file and name of each row.
fn rows(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let lines = text.lines().skip_while(|line| *line != HEADING).skip(1);
    lines.take_while(|line| !line.starts_with("## ")).filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.rsplitn(3, " | ");
        let (name, file) = (cells.next()?, cells.next()?);
        let name = name.strip_prefix('`')?.strip_suffix('`')?;
        let file = file.strip_prefix('`')?.strip_suffix('`')?;
        Some((cells.next()?, file, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::habits::tests::Tree;

    #[test]
    fn rows_that_lead_nowhere_are_named() {
        let tree = Tree::new("ways");
        tree.write("crates/wire/src/a.rs", "fn here() {}\n");
        let row = |file: &str, name: &str| format!("| Where? `utils` | `crates/wire/src/{file}` | `{name}` |\n");
        let table = format!(
            "# House\n\n{HEADING}\n\n| question | file | name |\n|---|---|---|\n{}{}{}\n## Next\n{}",
            row("a.rs", "here"),
            row("a.rs", "there"),
            row("b.rs", "here"),
            row("c.rs", "here")
        );
        tree.write(DOCUMENT, &table);
        let complaints = check_ways(tree.path()).unwrap();
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].contains("`there` in crates/wire/src/a.rs"), "{complaints:?}");
        assert!(complaints[1].contains("to crates/wire/src/b.rs: "), "{complaints:?}");
        tree.write(DOCUMENT, "# House\n");
        assert_eq!(check_ways(tree.path()).unwrap().len(), 1);
    }
}
