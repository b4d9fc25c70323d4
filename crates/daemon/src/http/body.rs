//! The body of an answer: bytes in memory, or a file that is read piece by piece while it goes out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::files::{Content, Fetcher};

/// Bytes of a large file that are read at a time.
const PIECE: u64 = 64 * 1024;

type Reading = Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>>;

/// A body of known length.
pub(super) enum FileBody {
    Whole(Option<Bytes>),
    Pieces(Pieces),
}

pub(super) struct Pieces {
    fetcher: Arc<Fetcher>,
    content: Content,
    from: u64,
    until: u64,
    reading: Option<Reading>,
}

impl FileBody {
    /// Bytes in memory.
    pub fn of(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// A part of a file.
    pub fn part(fetcher: &Arc<Fetcher>, content: Content, part: std::ops::Range<u64>) -> Self {
        if let Some(whole) = content.whole() {
            let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(whole.len());
            return Self::of(whole.slice(at(part.start)..at(part.end)));
        }
        Self::Pieces(Pieces { fetcher: Arc::clone(fetcher), content, from: part.start, until: part.end, reading: None })
    }

    /// How many bytes are still to come.
    pub fn length(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::Pieces(pieces) => pieces.until.saturating_sub(pieces.from),
        }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces(pieces) => {
                let left = pieces.until.saturating_sub(pieces.from);
                if left == 0 {
                    return Poll::Ready(None);
                }
                let (fetcher, content, from) = (&pieces.fetcher, &pieces.content, pieces.from);
                let reading = pieces.reading.get_or_insert_with(|| {
                    let (fetcher, content) = (Arc::clone(fetcher), content.clone());
                    let length = usize::try_from(left.min(PIECE)).unwrap_or(usize::MAX);
                    Box::pin(async move { fetcher.piece(content, from, length).await })
                });
                let read = ready!(reading.as_mut().poll(context));
                pieces.reading = None;
                Poll::Ready(Some(read.map(|bytes| {
                    pieces.from += bytes.len() as u64;
                    Frame::data(bytes)
                })))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length())
    }
}
