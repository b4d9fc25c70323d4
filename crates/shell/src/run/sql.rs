//! `run sql`: a row of names, a row of `=` per column, the rows; no count below [sources/database#output].

use cluster::Surroundings;
use ringfence_core::{CoreError, Table};

use crate::session::{Reply, Session, one_line};

impl Session {
    pub(crate) async fn run_sql(
        &self,
        statement: &str,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let table = self.cluster.run_sql(&self.actor, statement, surroundings.now()).await?;
        Ok(Reply::done(layout(&table)))
    }
}

/// The table as text. A column is as wide as its longest text; a line has no blanks at its end. A key or certificate
/// in PEM breaks over its lines [sources/database#output]; in any other value a line break becomes a blank, so that
/// nobody's text begins a row.
fn layout(table: &Table) -> String {
    let rows: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(|value| cell(value.as_deref().unwrap_or("NULL").trim_end_matches('\n'))).collect())
        .collect();
    let widths: Vec<usize> = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let values = rows.iter().filter_map(|row| row.get(index));
            values
                .flat_map(|value| value.lines().map(|line| line.chars().count()))
                .chain([name.chars().count()])
                .max()
                .unwrap_or_default()
        })
        .collect();
    let rules: Vec<String> = widths.iter().map(|width| "=".repeat(*width)).collect();
    let mut out = String::new();
    for row in [&table.columns, &rules].into_iter().chain(&rows) {
        let mut line = String::new();
        for (value, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{value:width$} "));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The cells of a table of ours: a row stays a line.
pub(crate) fn cells(table: &Table) -> Vec<Vec<String>> {
    let cell = |value: &Option<String>| one_line(value.as_deref().unwrap_or("NULL").trim_end_matches('\n'));
    table.rows.iter().map(|row| row.iter().map(cell).collect()).collect()
}

/// A value as it is printed.
fn cell(value: &str) -> String {
    if is_pem(value) { value.to_owned() } else { one_line(value) }
}

/// Whether a value is PEM and nothing else: a title, lines of base64, an end.
fn is_pem(value: &str) -> bool {
    let title = |line: &str, word: &str| {
        let name = line.strip_prefix(word).and_then(|rest| rest.strip_suffix("-----"));
        name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte == b' ' || byte.is_ascii_uppercase()))
    };
    let mut lines = value.split('\n');
    let begins = lines.next().is_some_and(|line| title(line, "-----BEGIN "));
    let ends = lines.next_back().is_some_and(|line| title(line, "-----END "));
    let base64 = |line: &str| line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    begins && ends && lines.all(base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: &[&str], rows: &[&[Option<&str>]]) -> Table {
        Table {
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            rows: rows.iter().map(|row| row.iter().map(|value| value.map(str::to_owned)).collect()).collect(),
        }
    }

    #[test]
    fn the_sample_of_the_reference() {
        let table = table(&["paramname", "paramvalue"], &[&[Some("RollBackToPreGrayback"), Some("F")]]);
        assert_eq!(
            layout(&table),
            "paramname             paramvalue\n\
             ===================== ==========\n\
             RollBackToPreGrayback F\n"
        );
    }

    #[test]
    fn a_key_breaks_over_its_lines_and_nothing_else_does() {
        let key =
            "-----BEGIN RSA PUBLIC KEY-----\nMIIBCgKCAQEAkGfW/+T=\ne9oskH6www9faBNJ\n-----END RSA PUBLIC KEY-----";
        let shown =
            table(&["name", "publickey"], &[&[Some("SEP885A92D977CA"), Some(key)], &[Some("SEPB83861583B73"), None]]);
        assert_eq!(
            layout(&shown),
            format!(
                "name            publickey\n\
                 =============== ==============================\n\
                 SEP885A92D977CA {key}\n\
                 SEPB83861583B73 NULL\n"
            )
        );
        for forged in [
            "-----BEGIN X-----\nAAAA\nSEPB83861583B73 3\n-----END X-----",
            "-----BEGIN X-----\n\u{1b}[2J\n-----END X-----",
            "-----BEGIN X-----\nAAAA",
            "-----BEGIN -----\n-----END -----",
            "a\n-----END X-----",
        ] {
            let shown = layout(&table(&["v"], &[&[Some(forged)]]));
            assert_eq!(shown.lines().count(), 3, "{shown}");
        }
    }

    #[test]
    fn null_line_breaks_and_no_rows() {
        let columns = ["name", "tkcertificatestatus", "publickey"];
        let shown = table(
            &columns,
            &[
                &[Some("SEP885A92D977CA"), Some("3"), Some("-----BEGIN\nMIIB\u{1b}[2J")],
                &[Some("SEPB83861583B73"), Some("2"), None],
            ],
        );
        assert_eq!(
            layout(&shown),
            "name            tkcertificatestatus publickey\n\
             =============== =================== =========================\n\
             SEP885A92D977CA 3                   -----BEGIN\\nMIIB\\u{1b}[2J\n\
             SEPB83861583B73 2                   NULL\n"
        );
        assert_eq!(
            layout(&table(&columns, &[])),
            "name tkcertificatestatus publickey\n==== =================== =========\n"
        );
    }
}
