//! Administrators who log in with a password.

/// An administrator.
#[derive(Clone, PartialEq, Eq)]
pub struct AdministratorRow {
    /// Name, as it is typed.
    pub name: String,
    /// Hash of the password, PHC string form.
    pub password_hash: String,
    /// Privilege level: 0, 1 or 4.
    pub level: i64,
    /// Milliseconds since 1970 UTC.
    pub created_at: i64,
}

impl std::fmt::Debug for AdministratorRow {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "AdministratorRow({}, level {})", self.name, self.level)
    }
}
