//! `file delete` of the trust lists [sources/shell#trust-list-commands].

use cluster::Surroundings;
use ringfence_core::{CoreError, ListKind};

use crate::question::Question;
use crate::session::{Reply, Session};
use crate::table::{ACTIVELOG_FILES, TFTP_FILES};

impl Session {
    pub(crate) async fn delete_activelog(
        &mut self,
        file: &str,
        sure: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        self.delete(ACTIVELOG_FILES, file, sure, surroundings).await
    }

    pub(crate) async fn delete_tftp(
        &mut self,
        file: &str,
        sure: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        self.delete(TFTP_FILES, file, sure, surroundings).await
    }

    async fn delete(
        &mut self,
        files: &[&str],
        file: &str,
        sure: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        // As on the original, file names count in their own case.
        let position = files.iter().position(|known| *known == file);
        let kind = match position {
            Some(0) => ListKind::Ctl,
            Some(_) => ListKind::Itl,
            None => {
                return Err(CoreError::BadInput(format!("no file {file}; there are {}", files.join(", "))));
            }
        };
        if sure {
            return self.delete_list(kind, surroundings).await;
        }
        Ok(self.ask(Question::Delete(kind, file.to_owned())))
    }

    pub(crate) async fn delete_list(
        &self,
        kind: ListKind,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Reply, CoreError> {
        let there = self.cluster.delete_list(&self.actor, &self.node, kind, surroundings).await?;
        let count = u8::from(there);
        Ok(Reply::done(format!("files: found = {count}, deleted = {count}\n")))
    }
}
