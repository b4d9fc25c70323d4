//! What is typed behind `run sql`: whatever passes the gate passes the wall behind it, and is read again as the same.
#![no_main]

use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use store::Store;
use store::sql::{Limits, Question};

static STORE: OnceLock<(tokio::runtime::Runtime, Store)> = OnceLock::new();

fn store() -> &'static (tokio::runtime::Runtime, Store) {
    STORE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = std::env::temp_dir().join(format!("ringfence-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let store = runtime.block_on(Store::open(Path::new(&folder).join("ringfence.db").as_path(), true));
        (runtime, store.expect("a database"))
    })
}

fuzz_target!(|statement: &str| {
    let Ok(question) = Question::read(statement) else { return };
    // What is run is in the language of the gate, and says the same there: nothing was hidden in a name or a text.
    assert!(!question.sql().contains('\0') && !question.sql().contains("--") || question.sql().contains('\''));
    let (runtime, store) = store();
    let limits = Limits { time: std::time::Duration::from_secs(1), rows: 1000, bytes: 1 << 20 };
    if let Err(error) = runtime.block_on(store.select(&question, limits)) {
        let error = error.to_string();
        // The authorizer behind the gate has nothing to refuse, and SQLite understands what the gate writes.
        for fault in
            ["not authorized", "prohibited", "readonly", "syntax error", "unrecognized token", "incomplete input"]
        {
            assert!(!error.contains(fault), "{statement:?} became {:?}: {error}", question.sql());
        }
    }
});
