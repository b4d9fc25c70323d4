//! The end of a reset.

use cluster::alarms::ITL_NOT_RESET;
use cluster::rows::NodeRow;
use store::Transaction;

use crate::CoreError;

/// Ends the reset of a node's ITL, and the alarm that there was none.
pub(crate) async fn end_reset(transaction: &mut Transaction, node: &NodeRow) -> Result<(), CoreError> {
    transaction.end_itl_reset(&node.pkid).await?;
    transaction.clear_alarm(ITL_NOT_RESET.name, &node.name).await?;
    Ok(())
}
