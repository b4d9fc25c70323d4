//! What `run sql` shows: tables with their columns, functions. What does not stand here is not to be had, so a new column is shown
//! only after somebody has decided that it may be.

/// A table and the columns of it that are shown, in the order of `*`.
pub(super) struct Shown {
    pub table: &'static str,
    pub columns: &'static [&'static str],
}

/// Columns that hold secrets, with what they hold. An asterisk leaves them out; their names are refused with this reason.
pub(super) const SECRET: &[(&str, &str, &str)] = &[
    ("bulkserver", "password", "a password, sealed"),
    ("credential", "credentials", "hashes of passwords"),
    ("credential", "fkapplicationuser", "hashes of passwords"),
    ("device", "authenticationstring", "an authentication string, sealed"),
];

/// All tables that are shown. Names and columns are those of the migrations.
pub(super) const SHOWN: &[Shown] = &[
    Shown { table: "alarmnumber", columns: &["fkprocessnode", "last"] },
    Shown { table: "applicationuser", columns: &["pkid", "name", "privilegelevel", "createdat"] },
    Shown { table: "audit", columns: &["seq", "at", "actor", "command", "result", "hash"] },
    Shown { table: "bulkserver", columns: &["id", "server", "port", "username", "path", "hostkey"] },
    Shown { table: "callmanagergroup", columns: &["pkid", "name"] },
    Shown { table: "callmanagergroupmember", columns: &["pkid", "fkcallmanagergroup", "fkprocessnode", "priority"] },
    Shown {
        table: "certificate",
        columns: &[
            "pkid",
            "servername",
            "subjectname",
            "issuername",
            "serialnumber",
            "certificate",
            "ipv4address",
            "ipv6address",
            "timetolive",
            "tkcertificatedistribution",
            "fingerprint",
            "description",
            "regeneratedat",
        ],
    },
    Shown { table: "certificateacknowledgement", columns: &["fingerprint", "actor", "reason", "at"] },
    Shown { table: "certificatedescription", columns: &["fingerprint", "tkcertificateservice", "description"] },
    Shown { table: "certificatehashmap", columns: &["pkid", "fkcertificate", "hash"] },
    Shown { table: "certificatenotice", columns: &["fingerprint", "alarm", "saidat"] },
    Shown {
        table: "certificateprocessnodemap",
        columns: &["pkid", "fkcertificate", "fkprocessnode", "servername", "ipv4address", "ipv6address"],
    },
    Shown {
        table: "certificaterequest",
        columns: &[
            "pkid",
            "fkprocessnode",
            "tkcertificateservice",
            "request",
            "keyid",
            "multiserver",
            "state",
            "createdat",
        ],
    },
    Shown { table: "certificaterevocation", columns: &["fingerprint", "state", "source", "detail", "checkedat"] },
    Shown {
        table: "certificateservicecertificatemap",
        columns: &["pkid", "fkcertificate", "tkcertificateservice", "filename"],
    },
    Shown { table: "certificatetrustrolemap", columns: &["pkid", "fkcertificate", "tktrustrole"] },
    Shown { table: "change", columns: &["seq", "at", "kind", "subject"] },
    Shown {
        table: "ctlfile",
        columns: &["number", "file", "clustersecuritymode", "takenfrom", "takenat", "onallnodes", "renewal"],
    },
    Shown {
        table: "deletedcertificate",
        columns: &[
            "fingerprint",
            "tkcertificateservice",
            "certificate",
            "filename",
            "description",
            "servername",
            "ipv4address",
            "timetolive",
            "deletedat",
            "deletedby",
        ],
    },
    Shown {
        table: "device",
        columns: &[
            "pkid",
            "name",
            "description",
            "model",
            "tkdeviceprotocol",
            "tkdevicesecuritymode",
            "tkcertificatestatus",
            "publickey",
            "fkcallmanagergroup",
            "versionstamp",
            "tkcertificateoperation",
            "tkauthenticationmode",
            "tkkeyorder",
            "tkkeysize",
            "tkeckeysize",
            "upgradefinishtime",
            "scheduledat",
            "attempts",
            "lockeduntil",
            "ecfailed",
            "encryptedconfig",
        ],
    },
    Shown {
        table: "devicecertificate",
        columns: &["devicename", "kind", "certificate", "fingerprint", "notafter", "seenat"],
    },
    Shown {
        table: "devicerequest",
        columns: &["devicename", "request", "publickey", "keyid", "scheduledat", "createdat"],
    },
    Shown { table: "devicereset", columns: &["changeseq", "devicename"] },
    Shown { table: "disableddefaultca", columns: &["fingerprint", "commonname", "disabledat", "certificate"] },
    Shown {
        table: "failedlogin",
        columns: &["account", "address", "wrong", "lastat", "lockeduntil", "unnoted", "notedat"],
    },
    Shown {
        table: "fetchedlist",
        columns: &["devicename", "kind", "digest", "servername", "address", "fetchedat", "tvs"],
    },
    Shown {
        table: "formerkey",
        columns: &["keyid", "servername", "tkcertificateservice", "subjectname", "serialnumber", "replacedat"],
    },
    Shown { table: "formersetting", columns: &["setting", "fkprocessnode", "value"] },
    Shown { table: "nodedirectory", columns: &["fkprocessnode", "directory"] },
    Shown { table: "itlreset", columns: &["fkprocessnode", "fingerprint", "resetat"] },
    Shown { table: "logfile", columns: &["path", "length"] },
    Shown { table: "logline", columns: &["seq", "path", "text"] },
    Shown {
        table: "lsc",
        columns: &[
            "pkid",
            "devicename",
            "serialnumber",
            "subjectname",
            "issuername",
            "issuerfingerprint",
            "notbefore",
            "notafter",
            "tobesigned",
            "certificate",
            "fingerprint",
            "tklscstate",
            "createdat",
            "changedat",
        ],
    },
    Shown { table: "owncertificate", columns: &["fkprocessnode", "tkcertificateservice", "fkcertificate"] },
    Shown {
        table: "pendingreset",
        columns: &["seq", "at", "servername", "tkcertificateservice", "fingerprint", "oldserialnumber"],
    },
    Shown { table: "portschosen", columns: &["at"] },
    Shown { table: "processconfig", columns: &["pkid", "paramname", "paramvalue"] },
    Shown {
        table: "processnode",
        columns: &[
            "pkid",
            "name",
            "mac",
            "systemnode",
            "description",
            "isactive",
            "nodeid",
            "tknodeusage",
            "ipv6name",
            "fklbmhubgroup",
            "tkprocessnoderole",
            "tkssomode",
            "ipv4address",
            "domain",
        ],
    },
    Shown {
        table: "processnodeservice",
        columns: &["pkid", "fkprocessnode", "servername", "enable", "isactive", "startedat"],
    },
    Shown { table: "publishedlist", columns: &["digest", "kind", "servername", "renewal", "iscurrent"] },
    Shown { table: "recoverybackup", columns: &["fingerprint", "takenat"] },
    Shown { table: "renewal", columns: &["seq", "at", "servername", "tkcertificateservice", "fingerprint"] },
    Shown { table: "restartcause", columns: &["fkprocessnode", "cause", "at"] },
    Shown { table: "restartdone", columns: &["fkprocessnode", "step", "at"] },
    Shown { table: "servedfolder", columns: &["fkprocessnode", "path", "merge"] },
    Shown { table: "standingalarm", columns: &["name", "subject", "text", "raisedat"] },
    Shown {
        table: "strangerlist",
        columns: &["devicename", "kind", "digest", "servername", "address", "fetchedat", "tvs"],
    },
    Shown { table: "takenchange", columns: &["fkprocessnode", "seq"] },
    Shown { table: "toldalarm", columns: &["name", "subject", "fkprocessnode", "message"] },
    Shown { table: "typeauthenticationmode", columns: &["enum", "name"] },
    Shown { table: "typecertificateoperation", columns: &["enum", "name"] },
    Shown { table: "typecertificateservice", columns: &["enum", "name", "moniker", "usestruststore"] },
    Shown { table: "typecertificatestatus", columns: &["enum", "name", "moniker"] },
    Shown { table: "typekeyorder", columns: &["enum", "name"] },
    Shown { table: "typelscstate", columns: &["enum", "name"] },
    Shown { table: "typetrustrole", columns: &["enum", "name"] },
    Shown { table: "undeliveredalarm", columns: &["seq", "receiver", "alarm", "severity", "text", "at"] },
    Shown {
        table: "unknowndevice",
        columns: &["name", "lastfile", "lastaddress", "firstseen", "lastseen", "requests"],
    },
    Shown {
        table: "wave",
        columns: &[
            "number",
            "state",
            "reason",
            "batchsize",
            "stopat",
            "tkauthenticationmode",
            "timeallowed",
            "startedat",
        ],
    },
    Shown { table: "wavedevice", columns: &["fkwave", "devicename", "batch", "state", "scheduledat"] },
    Shown {
        table: "websecurity",
        columns: &["fkprocessnode", "orgunit", "orgname", "locality", "state", "country", "alternatehostname"],
    },
    Shown {
        table: "wrongstrings",
        columns: &["devicename", "address", "scheduledat", "wrong", "lastat", "lockeduntil"],
    },
];

/// Functions, and what each is called in the database: none of them reads a file, loads code or makes more bytes than it is given
/// without a limit of the connection. `nvl` is Informix's word for `ifnull`.
pub(super) const FUNCTIONS: &[(&str, &str)] = &[
    ("abs", "abs"),
    ("avg", "avg"),
    ("coalesce", "coalesce"),
    ("count", "count"),
    ("date", "date"),
    ("datetime", "datetime"),
    ("group_concat", "group_concat"),
    ("hex", "hex"),
    ("ifnull", "ifnull"),
    ("instr", "instr"),
    ("length", "length"),
    ("lower", "lower"),
    ("ltrim", "ltrim"),
    ("max", "max"),
    ("min", "min"),
    ("nullif", "nullif"),
    ("nvl", "ifnull"),
    ("replace", "replace"),
    ("round", "round"),
    ("rtrim", "rtrim"),
    ("strftime", "strftime"),
    ("substr", "substr"),
    ("substring", "substr"),
    ("sum", "sum"),
    ("total", "total"),
    ("trim", "trim"),
    ("typeof", "typeof"),
    ("upper", "upper"),
];

/// The columns of a table; `None` when it is not shown.
pub(super) fn columns(table: &str) -> Option<&'static [&'static str]> {
    SHOWN.iter().find(|shown| shown.table.eq_ignore_ascii_case(table)).map(|shown| shown.columns)
}

/// What the database calls a function; `None` when it may not be called.
pub(super) fn function(name: &str) -> Option<&'static str> {
    FUNCTIONS.iter().find(|(word, _)| word.eq_ignore_ascii_case(name)).map(|(_, function)| *function)
}
