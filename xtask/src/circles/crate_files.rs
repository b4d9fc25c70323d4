//! The files of a crate, each read into facts.

use std::fs;
use std::path::{Path, PathBuf};

use super::facts::FileFacts;
use crate::stop::Stop;

/// The folders of the crates.
pub fn crates(root: &Path) -> Result<Vec<PathBuf>, Stop> {
    let mut folders: Vec<PathBuf> =
        listed(&root.join("crates"))?.into_iter().filter(|path| path.join("src").is_dir()).collect();
    folders.sort();
    Ok(folders)
}

/// The code of one crate, without tests.
pub fn read(root: &Path, folder: &Path) -> Result<Vec<FileFacts>, Stop> {
    let source = folder.join("src");
    let mut paths = Vec::new();
    collect(&source, &mut paths)?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        let module = module(path.strip_prefix(&source).unwrap_or(&path));
        if module.iter().any(|part| part == "tests" || part == "bin") {
            continue;
        }
        let text =
            fs::read_to_string(&path).map_err(|error| Stop::unable(format!("{name} cannot be read: {error}")))?;
        let parsed = syn::parse_file(&text)
            .map_err(|error| Stop::unable(format!("{name} is no Rust: {error}; does the workspace build?")))?;
        files.push(FileFacts::of(name, module, &parsed));
    }
    Ok(files)
}

/// The module that a file is, from its place below `src`.
fn module(path: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        path.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") || matches!(&parts[..], [only] if only == "lib" || only == "main")
    {
        parts.pop();
    }
    parts
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Stop> {
    for path in listed(folder)? {
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, Stop> {
    let unable = |error: std::io::Error| Stop::unable(format!("{} cannot be listed: {error}", folder.display()));
    fs::read_dir(folder).map_err(unable)?.map(|entry| Ok(entry.map_err(unable)?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_modules() {
        for (path, expected) in [
            ("lib.rs", &[][..]),
            ("a.rs", &["a"]),
            ("a/mod.rs", &["a"]),
            ("a/b.rs", &["a", "b"]),
            ("a/lib.rs", &["a", "lib"]),
        ] {
            assert_eq!(module(Path::new(path)), expected, "{path}");
        }
    }
}
