//! What clusters exchange, and the trust stores it goes to in the other cluster.

use crate::units::Unit;

/// A kind of certificate that is exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkUnit {
    /// The unit.
    pub unit: Unit,
    /// What the web page of the original calls it [sources/bulk#commands].
    alias: &'static str,
    /// The stores of the other cluster that an import fills, by number.
    pub stores: &'static [i64],
}

/// All kinds, in the order of an exchange of `all`. Stores: [sources/bulk#stores]; a CAPF goes into CAPF-trust too,
/// where the chain of an LSC is looked for when a phone proves itself by it [sources/bulk#stores],
/// [sources/capf#service].
pub const BULK_UNITS: [BulkUnit; 4] = [
    BulkUnit { unit: Unit::Tomcat, alias: "tomcat", stores: &[6] },
    BulkUnit { unit: Unit::CallManager, alias: "tftp", stores: &[14, 4] },
    BulkUnit { unit: Unit::Capf, alias: "CAPF", stores: &[4, 10] },
    BulkUnit { unit: Unit::ItlRecovery, alias: "ITL_Recovery", stores: &[14, 4] },
];

impl BulkUnit {
    /// The kind with a name: that of the unit or that of the web page, in any case.
    pub fn named(name: &str) -> Option<&'static Self> {
        BULK_UNITS.iter().find(|unit| unit.name().eq_ignore_ascii_case(name) || unit.alias.eq_ignore_ascii_case(name))
    }

    /// Name of the unit.
    pub const fn name(&self) -> &'static str {
        self.unit.name()
    }

    /// The file that holds what all clusters have exported.
    pub fn consolidated_file(&self) -> String {
        format!("consolidated_{}.pem", self.name())
    }

    /// The file into which one cluster exports.
    pub fn export_file(&self, cluster: &str) -> String {
        format!("{}_{}.pem", self.name(), cluster.replace(' ', "_"))
    }

    /// Whether a file is an export of this kind.
    pub fn is_export(&self, file: &str) -> bool {
        file.strip_prefix(self.name()).is_some_and(|rest| rest.starts_with('_') && rest.ends_with(".pem"))
    }
}
