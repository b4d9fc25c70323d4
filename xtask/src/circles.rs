//! Circles of files: files of a crate that need each other, round about. Who wants to read one of them has to read all.
//!
//! Counted are paths (also those that a re-export shortens) and calls of methods; a `mod` and a `pub use` alone are no need. Tests do not count.
//! What a method call means is known where the receiver is `self` and where one type of all crates alone has a method of that name; a call of
//! which neither is true is passed over, so that what is printed is there, and something may be there that is not printed.

mod crate_files;
mod facts;
mod tangles;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use crate::stop::Stop;

/// Files that need each other, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct Circle {
    /// Names of the files within the tree, sorted.
    pub files: Vec<String>,
    /// File, the file it needs, and the first thing it needs of it.
    pub needs: Vec<(String, String, String)>,
}

/// All circles in the crates below `root`, the largest first.
pub fn circles(root: &Path) -> Result<Vec<Circle>, Stop> {
    let crates: Vec<_> =
        crate_files::crates(root)?.iter().map(|folder| crate_files::read(root, folder)).collect::<Result<_, _>>()?;
    let mut all = Vec::new();
    for (number, files) in crates.iter().enumerate() {
        // A method that a type of another crate has too may be that one.
        let others = crates.iter().enumerate().filter(|(other, _)| *other != number).flat_map(|(_, files)| files);
        let foreign: HashSet<&str> = others.flat_map(|file| &file.methods).map(|method| method.name.as_str()).collect();
        let needs = tangles::needs(files, &foreign);
        all.extend(tangles::circles(files, &needs));
    }
    all.sort_by(|one, other| other.files.len().cmp(&one.files.len()).then_with(|| one.files.cmp(&other.files)));
    Ok(all)
}

/// Public methods of the cluster that other crates can call.
pub fn public_methods(root: &Path, folder: &str, type_name: &str) -> Result<BTreeMap<String, String>, Stop> {
    let files = crate_files::read(root, &root.join(folder))?;
    let of_type = |file: &facts::FileFacts| {
        let of = file.methods.iter().filter(|method| method.of == type_name && method.public);
        of.map(|method| (method.name.clone(), file.name.clone())).collect::<Vec<_>>()
    };
    Ok(files.iter().flat_map(of_type).collect())
}
