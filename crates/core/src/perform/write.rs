//! The writes of a change, each by the query of its table.

use cluster::rows::NewCertificate;
use cluster::rows::{FileName, NodeRow};
use cluster::write::{AddedCertificate, Write};
use store::Transaction;

use crate::CoreError;
use crate::alarms::Receiver;
use crate::cluster::Cluster;
use crate::recovery::end::end_reset;

/// Writes them in order.
pub(crate) async fn write_all(
    cluster: &Cluster,
    transaction: &mut Transaction,
    writes: &[Write],
    now: i64,
) -> Result<(), CoreError> {
    for write in writes {
        one(cluster, transaction, write, now).await?;
    }
    Ok(())
}

async fn one(cluster: &Cluster, rows: &mut Transaction, write: &Write, now: i64) -> Result<(), CoreError> {
    match write {
        Write::Certificate(added) => add(rows, added).await?,
        Write::Own { certificate, node, unit } => rows.add_own(certificate, node, *unit).await?,
        Write::NoOwn { node, unit } => drop(rows.remove_own(node, *unit).await?),
        Write::Trusted { certificate, store, stem, fingerprint } => {
            rows.add_trusted(certificate, *store, &FileName { stem, fingerprint }).await?;
        }
        Write::NotTrusted { certificate, store } => drop(rows.remove_trusted(certificate, *store).await?),
        Write::TimeToLive { certificate, seconds } => rows.set_time_to_live(certificate, *seconds).await?,
        Write::Roles { certificate, roles } => rows.set_roles(certificate, roles).await?,
        Write::DropUnused => rows.delete_unused_certificates().await?,
        Write::Bury { certificate, store, file, at, by } => {
            rows.bury_certificate(certificate, *store, file, *at, by).await?;
        }
        Write::Unbury { fingerprint, store } => drop(rows.forget_deletion(fingerprint, *store).await?),
        Write::Description { fingerprint, service, text } => {
            rows.put_description(fingerprint, *service, text).await?;
        }
        Write::DefaultCaOff { pem, fingerprint, common_name, at } => {
            rows.disable_default_ca(pem, fingerprint, common_name, *at).await?;
        }
        Write::DefaultCaOn { fingerprint } => rows.enable_default_ca(fingerprint).await?,
        Write::FormerKey(row) => rows.note_former_key(row).await?,
        Write::Renewal { at, server_name, service, fingerprint } => {
            rows.note_renewal(*at, server_name, *service, fingerprint).await?;
        }
        Write::PendingReset(row) => rows.note_pending_reset(row).await?,
        Write::Request(row) => rows.put_request(row).await?,
        Write::RequestState { key_id, state } => rows.set_request_state(key_id, *state).await?,
        Write::WebSecurity(row) => rows.set_web_security(row).await?,
        Write::Revocation(row) => rows.put_revocation(row).await?,
        Write::Parameter { name, value } => rows.set_parameter(name, value).await?,
        Write::FormerSetting { setting, node, value } => rows.note_former_setting(setting, node, value).await?,
        Write::Service(row) => rows.set_service(row).await?,
        Write::Moved { before, after } => rows.move_node(before, after).await?,
        Write::RestartCause { node, cause } => rows.note_restart_cause(node, cause, now).await?,
        Write::RestartDone { node, step } => rows.note_restart_done(node, step, now).await?,
        Write::ResetEnds { node } => end_reset(rows, node).await?,
        Write::Change { kind, subject } => rows.note_change(now, kind, subject).await?,
        Write::Alarm { .. } | Write::AlarmStands { .. } | Write::AlarmEnds { .. } | Write::Log { .. } => {
            tell(cluster, rows, write, now).await?;
        }
    }
    Ok(())
}

async fn add(rows: &mut Transaction, added: &AddedCertificate) -> Result<(), CoreError> {
    let row = NewCertificate {
        server_name: &added.server_name,
        subject: &added.subject,
        issuer: &added.issuer,
        serial: &added.serial,
        pem: &added.pem,
        fingerprint: &added.fingerprint,
        sha1_base64: &added.sha1_base64,
        address: &added.address,
        description: &added.description,
        regenerated_at: added.regenerated_at,
        time_to_live: added.time_to_live,
    };
    rows.insert_certificate(&row).await?;
    Ok(())
}

/// What goes into logs, and alarms.
async fn tell(cluster: &Cluster, rows: &mut Transaction, write: &Write, now: i64) -> Result<(), CoreError> {
    match write {
        Write::Alarm { node, alarm, message } => {
            cluster.alarm(rows, node, alarm, message, &Receiver::ALL, now).await?;
        }
        Write::AlarmStands { node, alarm, subject, message } => {
            cluster.stand(rows, node, alarm, subject, message, now).await?;
        }
        Write::AlarmEnds { name, subject, told } => {
            rows.clear_alarm(name, subject).await?;
            if *told {
                rows.forget_told_alarm(name, subject).await?;
            }
        }
        Write::Log { node, log, lines } => put_lines(cluster, rows, node, log, lines).await?,
        _ => {}
    }
    Ok(())
}

async fn put_lines(
    cluster: &Cluster,
    rows: &mut Transaction,
    node: &NodeRow,
    log: &str,
    lines: &[String],
) -> Result<(), CoreError> {
    Ok(rows.put_log_lines(&cluster.directory(node), log, lines).await?)
}
