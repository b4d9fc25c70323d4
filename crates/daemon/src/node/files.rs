//! The files of a node for TFTP and HTTP.

use std::sync::Arc;

use ringfence_core::files::{FileError, Found, NodeFiles};

use crate::files::{Answer, Content, FetchError, FileRequest, FileSource, Making};
use crate::surroundings::now;

/// What both ask.
pub(super) struct Files(pub(super) Arc<NodeFiles>);

impl FileSource for Files {
    fn sent(&self, request: &FileRequest<'_>, content: &Content) {
        // Lists are always whole in memory; of other files their name counts.
        let bytes = content.whole().cloned().unwrap_or_default();
        self.0.sent(request.name, request.peer.ip(), &bytes, now());
    }

    fn ready(&self, request: &FileRequest<'_>) -> Option<Content> {
        self.0.ready(request.name)
    }

    fn is_known(&self, request: &FileRequest<'_>) -> bool {
        self.0.is_known(request.name)
    }

    fn look_up(&self, request: &FileRequest<'_>) -> Result<Answer, FetchError> {
        Ok(match self.0.look_up(request.name, request.peer.ip(), now()).map_err(not_fetched)? {
            Found::Content(content) => Answer::Content(content),
            Found::Making(making) => {
                let files = Arc::clone(&self.0);
                let (key, reads_much) = (making.key(), making.reads_much());
                let make = move || files.make(&making, now()).map_err(not_fetched);
                Answer::Making(Making { key, reads_much, make: Box::new(make) })
            }
        })
    }
}

fn not_fetched(error: FileError) -> FetchError {
    match error {
        FileError::NotFound => FetchError::NotFound,
        FileError::Busy => FetchError::Busy,
        FileError::Failed(reason) => FetchError::Failed(reason),
    }
}
