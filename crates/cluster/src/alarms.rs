//! Kinds of alarms [sources/monitor#alarms], [sources/tvs#alarms].

/// A kind of alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// Catalogue, severity (0 emergency to 7 debug) and name: `UC_CERT-4-ITLRecoveryCertBackup`.
    pub name: &'static str,
    /// The service that raises it.
    pub app: &'static str,
    /// What it means, at the end of its line.
    pub meaning: &'static str,
}

impl Alarm {
    /// Severity of syslog, 0 emergency to 7 debug, from the middle of its name; 6 for a name without one.
    pub fn severity(&self) -> u8 {
        self.name.split('-').nth(1).and_then(|digit| digit.parse().ok()).filter(|digit| *digit <= 7).unwrap_or(6)
    }
}

/// The ITLRecovery key was not taken away yet [sources/monitor#alarms; the text is cut there, and ours after the cut].
pub const ITL_RECOVERY_BACKUP: Alarm = Alarm {
    name: "UC_CERT-4-ITLRecoveryCertBackup",
    app: "Cisco Certificate Monitor",
    meaning: "This cluster has an ITLRecovery certificate that was not backed up. Use the CLI command \"file get tftp \
              ITLRecovery.p12\"",
};

/// The cluster prepares for a rollback [sources/recovery#rollback].
pub const ROLLBACK_ENABLED: Alarm = Alarm {
    name: "UC_TVS-6-RollBackToPre8.0Enabled",
    app: "Cisco Trust Verification Service",
    meaning: "Prepare Cluster for Rollback to pre 8.0 is on: phones get a blank ITL file and check nothing",
};

/// It does not any more [sources/recovery#rollback].
pub const ROLLBACK_DISABLED: Alarm = Alarm {
    name: "UC_TVS-6-RollBackToPre8.0Disabled",
    app: "Cisco Trust Verification Service",
    meaning: "Prepare Cluster for Rollback to pre 8.0 is off: phones get their ITL file again",
};

/// A node has not the CTL that a CTL client brought or the publisher signed. Ours: the original tells it in the window of the
/// client only.
pub const CTL_NOT_DISTRIBUTED: Alarm = Alarm {
    name: "UC_CTL-3-CTLFileNotDistributed",
    app: "Cisco CTL Provider",
    meaning: "Phones get different CTL files from different nodes. Mend this node, then use the CLI command \"utils ctl \
              distribute\" on the publisher",
};

/// Phones that nobody added hold trust lists. Ours: the original knows none.
pub const PHONES_NOT_ADDED: Alarm = Alarm {
    name: "UC_TFTP-5-PhonesNotAdded",
    app: "Cisco Tftp",
    meaning: "Renewals wait for phones that nobody added; the CLI command \"show itl status\" lists them. \"ringfence device add\" \
              makes them phones of the cluster, \"ringfence device forget\" says that they are none",
};

/// A node has not the ITL of a reset. Ours.
pub const ITL_NOT_RESET: Alarm = Alarm {
    name: "UC_TFTP-3-ITLFileNotReset",
    app: "Cisco Tftp",
    meaning: "Phones of this node still get the ITL file that they cannot check. Mend this node, then use the CLI command \"utils itl \
              reset\" on the publisher again",
};

/// A row, a key or a published list cannot be read. Ours.
pub const ROW_UNREADABLE: Alarm = Alarm {
    name: "UC_DB-3-RowUnreadable",
    app: "Cisco Database Layer Monitor",
    meaning: "Lists that may need it stay as they are. Mend it from a backup, or use the CLI command in this message; \
              \"utils unreadable list\" names all",
};

/// A part of a node goes on with what it knew before. Ours.
pub const NODE_BEHIND: Alarm = Alarm {
    name: "UC_CERT-3-NodeBehind",
    app: "Cisco Certificate Change Notification",
    meaning: "This part of the node does not follow changes, the others do. It is tried again by itself; the alarm ends when that \
              works. Where a key is missing, put it back from a backup, or use the CLI command \"set cert regen\"",
};
