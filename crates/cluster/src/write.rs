//! What a change writes: one row, or a few that always go together. The store writes them; [`State`] shows what comes of it.

use crate::State;
use crate::alarms::Alarm;
use crate::rows::keys::certificate_key;
use crate::rows::{
    CertificateRow, DeletedCertificateRow, FileName, FormerKeyRow, NodeRow, PendingResetRow, RenewalRow, RequestRow,
    RequestState, RevocationRow, ServiceRow, WebSecurityRow,
};
use crate::units::roles;

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// A certificate, unless it is there: then only when it replaced another one is set, if that is said.
    Certificate(Box<AddedCertificate>),
    /// A certificate becomes the own one of a unit of a node, in the place of the one before.
    Own {
        /// Key of its row.
        certificate: String,
        /// The node.
        node: NodeRow,
        /// Number of the unit.
        unit: i64,
    },
    /// A unit of a node has no own certificate any more.
    NoOwn {
        /// Key of the node.
        node: String,
        /// Number of the unit.
        unit: i64,
    },
    /// A certificate stands in a trust store, under a name that no other entry has. One that was deleted from it stays out.
    Trusted {
        /// Key of its row.
        certificate: String,
        /// Number of the trust store.
        store: i64,
        /// What its name begins with.
        stem: String,
        /// SHA-256 of the certificate: tells entries of one name apart.
        fingerprint: String,
    },
    /// A certificate stands in a trust store no more.
    NotTrusted {
        /// Key of its row.
        certificate: String,
        /// Number of the trust store.
        store: i64,
    },
    /// How long phones may keep an answer about a certificate.
    TimeToLive {
        /// Key of its row.
        certificate: String,
        /// Seconds.
        seconds: i64,
    },
    /// The roles of a certificate are those of what it stands in.
    Roles {
        /// Key of its row.
        certificate: String,
        /// The roles.
        roles: Vec<i64>,
    },
    /// Certificates that stand nowhere go.
    DropUnused,
    /// A certificate stays out of a trust store, whoever brings it.
    Bury {
        /// Key of its row.
        certificate: String,
        /// Number of the trust store.
        store: i64,
        /// The name that it had there.
        file: String,
        /// When, milliseconds since 1970 UTC.
        at: i64,
        /// Who deleted it.
        by: String,
    },
    /// It may come back.
    Unbury {
        /// SHA-256 of the certificate.
        fingerprint: String,
        /// Number of the trust store.
        store: i64,
    },
    /// What somebody calls a certificate in a unit or trust store.
    Description {
        /// SHA-256 of the certificate.
        fingerprint: String,
        /// Number of the unit or trust store.
        service: i64,
        /// The text.
        text: String,
    },
    /// A default CA is switched off, and kept.
    DefaultCaOff {
        /// The certificate, PEM.
        pem: String,
        /// Its SHA-256.
        fingerprint: String,
        /// Its name in the list.
        common_name: &'static str,
        /// When, milliseconds since 1970 UTC.
        at: i64,
    },
    /// A default CA is switched on again.
    DefaultCaOn {
        /// Its SHA-256.
        fingerprint: String,
    },
    /// What a key was for until now.
    FormerKey(FormerKeyRow),
    /// An own certificate of a node took the place of another one.
    Renewal {
        /// When, milliseconds since 1970 UTC.
        at: i64,
        /// Name of the node.
        server_name: String,
        /// Number of the unit.
        service: i64,
        /// SHA-256 of the new certificate.
        fingerprint: String,
    },
    /// Phones are to be reset because of it.
    PendingReset(PendingResetRow),
    /// A request for a certificate; the one of its unit that waited is a replaced one then.
    Request(Box<RequestRow>),
    /// Where a request stands.
    RequestState {
        /// SHA-256 of its key.
        key_id: String,
        /// Where.
        state: RequestState,
    },
    /// The subject parts of a node.
    WebSecurity(WebSecurityRow),
    /// What a CA said of a certificate.
    Revocation(RevocationRow),
    /// The value of a parameter.
    Parameter {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A setting had this value until now.
    FormerSetting {
        /// The setting.
        setting: String,
        /// Key of the node; empty for the cluster.
        node: String,
        /// The value.
        value: String,
    },
    /// A service of a node.
    Service(ServiceRow),
    /// A node has another name, domain or address.
    Moved {
        /// The node until now.
        before: Box<NodeRow>,
        /// The node then.
        after: Box<NodeRow>,
    },
    /// Something on a node wants restarts.
    RestartCause {
        /// Key of the node.
        node: String,
        /// The cause.
        cause: &'static str,
    },
    /// A step was done on a node.
    RestartDone {
        /// Key of the node.
        node: String,
        /// The step.
        step: &'static str,
    },
    /// The reset of a node's ITL is over.
    ResetEnds {
        /// The node.
        node: NodeRow,
    },
    /// Whoever listens hears of a change.
    Change {
        /// What kind of thing.
        kind: &'static str,
        /// Which one.
        subject: String,
    },
    /// An alarm that happens once.
    Alarm {
        /// On which node.
        node: NodeRow,
        /// Which one.
        alarm: &'static Alarm,
        /// What happened.
        message: String,
    },
    /// An alarm stands about a subject until it ends.
    AlarmStands {
        /// On which node.
        node: NodeRow,
        /// Which one.
        alarm: &'static Alarm,
        /// The subject.
        subject: String,
        /// What happened.
        message: String,
    },
    /// An alarm that stood about a subject ends.
    AlarmEnds {
        /// Its name.
        name: &'static str,
        /// The subject.
        subject: String,
        /// Another alarm tells that it ended.
        told: bool,
    },
    /// Lines of a log of a node.
    Log {
        /// The node.
        node: NodeRow,
        /// Name of the log.
        log: &'static str,
        /// The lines.
        lines: Vec<String>,
    },
}

/// A certificate to be added, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedCertificate {
    /// Name of the node it was made on or uploaded to.
    pub server_name: String,
    /// Address of that node.
    pub address: String,
    /// Subject, in the form of the row.
    pub subject: String,
    /// Issuer, in the form of the row.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// The certificate, PEM.
    pub pem: String,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fingerprint: String,
    /// Base64 of the SHA-1 of the DER.
    pub sha1_base64: String,
    /// Friendly name.
    pub description: String,
    /// When it replaced another one, milliseconds since 1970 UTC.
    pub regenerated_at: Option<i64>,
    /// How long phones may keep an answer about it, seconds.
    pub time_to_live: i64,
}

impl State {
    /// What is there after a write.
    pub(crate) fn apply(&mut self, write: &Write) {
        match write {
            Write::Certificate(added) => self.add_certificate(added),
            Write::Own { certificate, node, unit } => {
                self.no_own(&node.pkid, *unit);
                self.add_service(certificate, *unit);
                if let Some(row) = self.row(certificate) {
                    insert(&mut row.own, (node.pkid.clone(), *unit), |own| (own.1, own.0.clone()));
                    insert(&mut row.nodes, node.pkid.clone(), Clone::clone);
                }
            }
            Write::NoOwn { node, unit } => self.no_own(node, *unit),
            Write::Trusted { certificate, store, stem, .. } => self.add_trusted(certificate, *store, stem),
            Write::NotTrusted { certificate, store } => {
                if let Some(row) = self.row(certificate) {
                    row.services.retain(|service| service != store);
                    row.files.retain(|(of, _)| of != store);
                }
            }
            Write::TimeToLive { certificate, seconds } => {
                if let Some(row) = self.row(certificate) {
                    row.time_to_live = *seconds;
                }
            }
            Write::Roles { certificate, roles } => {
                if let Some(row) = self.row(certificate) {
                    row.roles.clone_from(roles);
                }
            }
            Write::DropUnused => self.certificates.retain(|row| !row.services.is_empty()),
            Write::Bury { certificate, store, file, at, by } => self.bury(certificate, *store, file, *at, by),
            Write::Unbury { fingerprint, store } => {
                self.deleted.retain(|row| row.fingerprint != *fingerprint || row.service != *store);
            }
            Write::FormerKey(row) => {
                self.former_keys.retain(|known| known.key_id != row.key_id);
                self.former_keys.push(row.clone());
            }
            Write::Renewal { at, server_name, service, .. } => {
                let seq = self.renewals.iter().map(|row| row.seq).max().unwrap_or_default() + 1;
                self.renewals.retain(|row| row.service != *service);
                self.renewals.push(RenewalRow { seq, at: *at, server_name: server_name.clone(), service: *service });
            }
            Write::Request(request) => {
                for row in &mut self.requests {
                    let waits = row.node == request.node && row.service == request.service;
                    if waits && row.state == RequestState::Waiting {
                        row.state = RequestState::Replaced;
                    }
                }
                self.requests.push((**request).clone());
            }
            Write::RequestState { key_id, state } => {
                self.requests.iter_mut().filter(|row| row.key_id == *key_id).for_each(|row| row.state = *state);
            }
            Write::WebSecurity(row) => {
                self.web_security.retain(|known| known.node != row.node);
                self.web_security.push(row.clone());
            }
            Write::Parameter { name, value } => self.set_parameter(name, value),
            Write::Service(row) => {
                self.services.retain(|known| known.node != row.node || known.name != row.name);
                self.services.push(row.clone());
            }
            Write::Moved { before, after } => self.move_node(before, after),
            Write::Description { .. }
            | Write::DefaultCaOff { .. }
            | Write::DefaultCaOn { .. }
            | Write::PendingReset(_)
            | Write::Revocation(_)
            | Write::FormerSetting { .. }
            | Write::RestartCause { .. }
            | Write::RestartDone { .. }
            | Write::ResetEnds { .. }
            | Write::Change { .. }
            | Write::Alarm { .. }
            | Write::AlarmStands { .. }
            | Write::AlarmEnds { .. }
            | Write::Log { .. } => {}
        }
    }

    fn row(&mut self, key: &str) -> Option<&mut CertificateRow> {
        self.certificates.iter_mut().find(|row| row.pkid == key)
    }

    fn add_certificate(&mut self, added: &AddedCertificate) {
        let key = certificate_key(&added.fingerprint);
        if let Some(row) = self.row(&key) {
            row.regenerated_at = added.regenerated_at.or(row.regenerated_at);
            return;
        }
        self.certificates.push(CertificateRow {
            pkid: key,
            pem: added.pem.clone().into(),
            fingerprint: added.fingerprint.clone(),
            server_name: added.server_name.clone(),
            address: added.address.clone(),
            description: added.description.clone(),
            regenerated_at: added.regenerated_at,
            time_to_live: added.time_to_live,
            services: Vec::new(),
            nodes: Vec::new(),
            own: Vec::new(),
            files: Vec::new(),
            roles: Vec::new(),
        });
    }

    fn add_service(&mut self, certificate: &str, service: i64) {
        let Some(row) = self.certificates.iter_mut().find(|row| row.pkid == certificate) else { return };
        let buried = self.deleted.iter().any(|tomb| tomb.fingerprint == row.fingerprint && tomb.service == service);
        if !buried {
            insert(&mut row.services, service, |number| *number);
        }
    }

    fn add_trusted(&mut self, certificate: &str, store: i64, stem: &str) {
        self.add_service(certificate, store);
        let taken: Vec<String> =
            self.certificates.iter().filter_map(|row| row.file(store)).map(str::to_owned).collect();
        let Some(row) = self.row(certificate) else { return };
        if !row.services.contains(&store) || row.file(store).is_some() {
            return;
        }
        let fingerprint = row.fingerprint.clone();
        let names = FileName { stem, fingerprint: &fingerprint }.candidates();
        if let Some(free) = names.into_iter().find(|name| !taken.contains(name)) {
            insert(&mut row.files, (store, free), |(store, _)| *store);
        }
    }

    fn no_own(&mut self, node: &str, unit: i64) {
        let Some(row) = self.certificates.iter_mut().find(|row| row.is_own(node, unit)) else { return };
        row.own.retain(|(of, number)| of != node || *number != unit);
        if row.own.iter().all(|(_, number)| *number != unit) {
            row.services.retain(|number| *number != unit);
        }
        if row.own.iter().all(|(of, _)| of != node) {
            row.nodes.retain(|of| of != node);
        }
    }

    fn bury(&mut self, certificate: &str, store: i64, file: &str, at: i64, by: &str) {
        let Some(row) = self.certificates.iter().find(|row| row.pkid == certificate) else { return };
        let tomb = DeletedCertificateRow {
            fingerprint: row.fingerprint.clone(),
            service: store,
            pem: row.pem.clone(),
            file: file.to_owned(),
            description: row.description.clone(),
            server_name: row.server_name.clone(),
            address: row.address.clone(),
            time_to_live: row.time_to_live,
            deleted_at: at,
            deleted_by: by.to_owned(),
        };
        self.deleted.retain(|known| known.fingerprint != tomb.fingerprint || known.service != store);
        self.deleted.push(tomb);
    }

    fn move_node(&mut self, before: &NodeRow, after: &NodeRow) {
        for row in self.nodes.iter_mut().filter(|row| row.pkid == after.pkid) {
            row.clone_from(after);
        }
        for row in self.certificates.iter_mut().filter(|row| row.server_name == before.name) {
            if row.address == before.address {
                row.address.clone_from(&after.address);
            }
            row.server_name.clone_from(&after.name);
        }
        let rename = |name: &mut String| {
            if *name == before.name {
                name.clone_from(&after.name);
            }
        };
        self.renewals.iter_mut().for_each(|row| rename(&mut row.server_name));
        self.former_keys.iter_mut().for_each(|row| rename(&mut row.server_name));
    }
}

/// The write that gives a certificate the roles of what it stands in.
pub(crate) fn roles_of(row: &CertificateRow) -> Write {
    Write::Roles { certificate: row.pkid.clone(), roles: roles(&row.services) }
}

/// Puts something into a sorted list, once.
fn insert<T: PartialEq, K: Ord>(list: &mut Vec<T>, new: T, by: impl Fn(&T) -> K) {
    if !list.contains(&new) {
        let place = list.iter().position(|old| by(old) > by(&new)).unwrap_or(list.len());
        list.insert(place, new);
    }
}
