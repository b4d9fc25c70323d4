//! The commands themselves.

use ringfence_core::Level;

use super::{Action, Argument, Command, Kind, Origin, Place};
use crate::run::capf_devices::{AUTHENTICATIONS, LISTS};

const fn needed(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, optional: false }
}

const fn optional(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, optional: true }
}

const DEVICES: Argument = needed("devices", Kind::Devices(&["all"]));
const SERVICE: &[Argument] = &[needed("service-name", Kind::Service)];
const NO_CONFIRM: Argument = optional("noconfirm", Kind::Choice(&["noconfirm"]));

/// Where the lists of a node stand in `activelog`.
pub(crate) const ACTIVELOG_FILES: &[&str] = &["cm/tftpdata/CTLFile.tlv", "cm/tftpdata/ITLFile.tlv"];
/// The lists among the TFTP files of a node.
pub(crate) const TFTP_FILES: &[&str] = &["CTLFile.tlv", "ITLFile.tlv"];

/// All commands by name. Levels and nodes: [cucm-behaviour.md 1.2, 1.5]; `run sql` needs 1 as the other commands of
/// administrators.
pub const COMMANDS: &[Command] = &[
    Command {
        words: &["file", "delete", "activelog"],
        arguments: &[needed("file-spec", Kind::File(ACTIVELOG_FILES)), NO_CONFIRM],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "deletes a trust list from the files of this node",
        help: "This will delete the CTL or the ITL file of this node. A deleted CTL comes back with\n\
               `utils ctl update CTLFile`, a deleted ITL with a restart of Cisco Tftp.\n\
               Phones keep the list that they hold: deleting the file here deletes nothing there.",
        example: "file delete activelog cm/tftpdata/CTLFile.tlv",
        action: Action::DeleteActivelog,
    },
    Command {
        words: &["file", "delete", "tftp"],
        arguments: &[needed("file-spec", Kind::File(TFTP_FILES)), NO_CONFIRM],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "deletes a trust list from the TFTP files of this node",
        help: "This will delete the CTL or the ITL file of this node, the same files as\n\
               `file delete activelog cm/tftpdata/...`.",
        example: "file delete tftp CTLFile.tlv",
        action: Action::DeleteTftp,
    },
    Command {
        words: &["help"],
        arguments: &[optional("command", Kind::CommandWords)],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "lists the commands, or explains one",
        help: "This will list the commands that you may run. With the words of a command it explains that\n\
               command; with the first words of several it lists those.",
        example: "help set cert regen",
        action: Action::Help,
    },
    Command {
        words: &["quit"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "leaves",
        help: "This will end the session.",
        example: "quit",
        action: Action::Quit,
    },
    Command {
        words: &["run", "sql"],
        arguments: &[needed("sql-statement", Kind::Statement)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "runs a select on the database of the cluster",
        help: "This will run one select and print its rows. It changes nothing: changes have commands of their\n\
               own. Tables: processnode, processnodeservice, processconfig, device, callmanagergroup,\n\
               callmanagergroupmember, certificate and its maps, typecertificatestatus, lsc.",
        example: "run sql select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'",
        action: Action::RunSql,
    },
    Command {
        words: &["set", "cert", "delete"],
        arguments: &[needed("unit-name", Kind::TrustStore), needed("file-name", Kind::TrustFile)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "deletes a certificate from a trust store",
        help: "This will delete a certificate from a trust store, on all nodes. A certificate of CAPF that LSCs hang on\n\
               stays: `utils capf stale-lsc list` names them.",
        example: "set cert delete CAPF-trust CAPF-e41e7d87.pem",
        action: Action::DeleteTrusted,
    },
    Command {
        words: &["set", "cert", "import", "own"],
        arguments: &[needed("unit-name", Kind::Unit), needed("file", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "takes over the certificate that an external CA gave for a CSR",
        help: "This will take over the certificate of CAPF that an external CA has signed: a subordinate CA, for the key\n\
               of `set csr gen CAPF`. Its chain stands in the same file (PEM) or in CAPF-trust, and is put into CAPF-trust\n\
               and CallManager-trust. The original wants the certificate pasted in; here a file is named, by its whole path\n\
               or as it lies in the data directory.",
        example: "set cert import own CAPF capf.pem",
        action: Action::ImportOwn,
    },
    Command {
        words: &["set", "cert", "import", "trust"],
        arguments: &[needed("unit-name", Kind::TrustStore), needed("file", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "puts certificates of a file into a trust store",
        help: "This will put all certificates of a file (PEM, or one in DER) into a trust store. The original wants the\n\
               certificate pasted in; here a file is named, by its whole path or as it lies in the data directory.",
        example: "set cert import trust CallManager-trust root.pem",
        action: Action::ImportTrust,
    },
    Command {
        words: &["set", "cert", "regen"],
        arguments: &[needed("unit-name", Kind::Unit)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "makes a new key and certificate for a unit of this node",
        help: "This will replace key and certificate of a unit, exchange the copies in the trust stores and\n\
               rebuild the ITL files. In mixed mode run `utils ctl update CTLFile` after CallManager, CAPF or\n\
               ITLRecovery. CallManager and TVS wait five minutes for each other: a phone that has missed both\n\
               can check nothing any more.",
        example: "set cert regen CallManager",
        action: Action::Regenerate,
    },
    Command {
        words: &["set", "cli", "pagination"],
        arguments: &[needed("on|off", Kind::Choice(&["on", "off"]))],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "turns paging of long texts on or off for this session",
        help: "This will turn automatic pagination on or off for this session.",
        example: "set cli pagination off",
        action: Action::SetPagination,
    },
    Command {
        words: &["set", "csr", "gen"],
        arguments: &[needed("unit-name", Kind::Unit)],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "makes a key and a request for an external CA",
        help: "This will make a new key for CAPF and a request (CSR) for the certificate of a subordinate CA. Nothing else\n\
               changes until that certificate comes back, `set cert import own CAPF`. A request before it is forgotten.",
        example: "set csr gen CAPF",
        action: Action::GenerateRequest,
    },
    Command {
        words: &["set", "parameter"],
        arguments: &[needed("name", Kind::Parameter), needed("value", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "sets an enterprise parameter",
        help: "This will set a parameter of the cluster and rebuild what depends on it. The original has these on\n\
               the page System > Enterprise Parameters. The security mode has a command of its own,\n\
               `utils ctl set-cluster`.",
        example: "set parameter TFTPFileSignatureAlgorithm SHA-512",
        action: Action::SetParameter,
    },
    Command {
        words: &["show", "cert", "list"],
        arguments: &[needed("own|trust", Kind::Choice(&["own", "trust"]))],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "lists the certificates of this node or of the trust stores",
        help: "This will list the own certificates of this node, or the entries of all trust stores.",
        example: "show cert list own",
        action: Action::ListCertificates,
    },
    Command {
        words: &["show", "cert", "own"],
        arguments: &[needed("filename", Kind::OwnCertificate)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "prints an own certificate",
        help: "This will print an own certificate of this node as text and as PEM. The name of the unit is enough.",
        example: "show cert own tomcat",
        action: Action::ShowOwn,
    },
    Command {
        words: &["show", "cert", "trust"],
        arguments: &[needed("filename", Kind::TrustCertificate)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "prints an entry of a trust store",
        help: "This will print an entry of a trust store as text and as PEM. `show cert list trust` names them.",
        example: "show cert trust Phone-SAST-trust/cucm-pub.pem",
        action: Action::ShowTrust,
    },
    Command {
        words: &["show", "cli", "pagination"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "says whether long texts are paged",
        help: "This will show whether automatic pagination is on.",
        example: "show cli pagination",
        action: Action::ShowPagination,
    },
    Command {
        words: &["show", "csr", "list"],
        arguments: &[optional("own", Kind::Choice(&["own"]))],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "lists the requests that wait for their certificates",
        help: "This will list the requests that wait for the certificate of an external CA.",
        example: "show csr list own",
        action: Action::ListRequests,
    },
    Command {
        words: &["show", "csr", "own"],
        arguments: &[needed("filename", Kind::Unit), optional("rfc7468", Kind::Choice(&["rfc7468"]))],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "prints a request that waits for its certificate",
        help: "This will print a request. Its title is that of the original, which most CAs do not read; `rfc7468` (ours)\n\
               prints it with the title that they want.",
        example: "show csr own CAPF rfc7468",
        action: Action::ShowRequest,
    },
    Command {
        words: &["show", "ctl"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "prints the CTL file of this node",
        help: "This will print the checksums, the header and all records of the CTL file and say whether it\n\
               verifies.",
        example: "show ctl",
        action: Action::ShowCtl,
    },
    Command {
        words: &["show", "itl"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "prints the ITL file of this node",
        help: "This will print the checksums, the header and all records of the ITL file and say whether it\n\
               verifies.",
        example: "show itl",
        action: Action::ShowItl,
    },
    Command {
        words: &["show", "parameters"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "lists the enterprise parameters",
        help: "This will list the parameters of the cluster. The original has them on the page\n\
               System > Enterprise Parameters.",
        example: "show parameters",
        action: Action::ShowParameters,
    },
    Command {
        words: &["utils", "capf", "device", "cancel"],
        arguments: &[DEVICES],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "takes scheduled operations back",
        help: "This will set phones to No Pending Operation. The original has it on the page of a phone.",
        example: "utils capf device cancel SEP885A92D977CA",
        action: Action::CancelDevices,
    },
    Command {
        words: &["utils", "capf", "device", "encrypted-config"],
        arguments: &[DEVICES, needed("on|off", Kind::Choice(&["on", "off"]))],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "turns TFTP Encrypted Config on or off for phones",
        help: "This will give out the configs of phones encrypted only, for the LSC or else for the MIC. A phone needs an RSA\n\
               certificate for that, so one that makes EC keys only is refused. The original has it in the security profile.",
        example: "utils capf device encrypted-config SEP885A92D977CA on",
        action: Action::SetEncryptedConfig,
    },
    Command {
        words: &["utils", "capf", "device", "keys"],
        arguments: &[
            DEVICES,
            needed("key-order", Kind::Choice(&["rsa-only", "ec-only", "ec-preferred"])),
            optional("rsa-bits", Kind::Choice(&["512", "1024", "2048", "3072", "4096"])),
            optional("ec-bits", Kind::Choice(&["256", "384", "521"])),
        ],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "sets key order and key sizes of phones",
        help: "This will set what keys phones make: RSA Only, EC Only, or EC Preferred, RSA Backup. Without sizes RSA has\n\
               2048 bits and EC 384. It counts from the next installation on. The original has it on the page of a phone.",
        example: "utils capf device keys SEP885A92D977CA ec-preferred 2048 256",
        action: Action::SetDeviceKeys,
    },
    Command {
        words: &["utils", "capf", "device", "list"],
        arguments: &[optional("which", Kind::Choice(LISTS))],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "lists what CAPF knows of the phones",
        help: "This will list operation, authentication, LSC and status of all phones, or of those with a pending operation,\n\
               with a failed one, or with an encrypted config. The original has it on the page Find and List Phones.",
        example: "utils capf device list pending",
        action: Action::ListDevices,
    },
    Command {
        words: &["utils", "capf", "device", "schedule"],
        arguments: &[
            DEVICES,
            needed("operation", Kind::Choice(&["install", "delete", "troubleshoot"])),
            needed("authentication", Kind::Choice(AUTHENTICATIONS)),
            optional("completes-by", Kind::Word),
        ],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "schedules what CAPF does for phones",
        help: "This will schedule Install/Upgrade, Delete or Troubleshoot for a phone, for several with commas between, or\n\
               for all. Authentication: `null` By Null String, `lsc` or `mic` By Existing Certificate with precedence to it,\n\
               `string` By Authentication String with a new string for each phone, `same-string` with the one that it has,\n\
               `typed-string` with one that is asked for. completes-by is YYYY:MM:DD:HH; without it the parameter\n\
               CAPFOperationExpiresIn counts. The original has it on the page of a phone.",
        example: "utils capf device schedule SEP885A92D977CA,SEPB83861583B73 install string 2030:12:31:23",
        action: Action::ScheduleDevices,
    },
    Command {
        words: &["utils", "capf", "device", "show"],
        arguments: &[needed("device", Kind::Device)],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "shows what CAPF knows of a phone",
        help: "This will show operation, authentication, keys, status and certificates of a phone.",
        example: "utils capf device show SEP885A92D977CA",
        action: Action::ShowDevice,
    },
    Command {
        words: &["utils", "capf", "device", "string"],
        arguments: &[needed("device", Kind::Device)],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "shows the authentication string of a phone",
        help: "This will show the string that the user types at the phone. `utils capf device schedule DEVICE install string`\n\
               generates a new one. Showing it is noted in the audit log.",
        example: "utils capf device string SEP885A92D977CA",
        action: Action::ShowString,
    },
    Command {
        words: &["utils", "capf", "device", "wave", "resume"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "goes on with a wave that has stopped",
        help: "This will go on with a wave that has stopped. Phones that failed come once more, in a batch at the end.",
        example: "utils capf device wave resume",
        action: Action::ResumeWave,
    },
    Command {
        words: &["utils", "capf", "device", "wave", "start"],
        arguments: &[
            needed("devices", Kind::Devices(&["stale", "all"])),
            needed("authentication", Kind::Choice(&["lsc", "mic", "null", "string"])),
            optional("batch-size", Kind::Word),
            optional("stop-at-percent", Kind::Word),
            optional("hours", Kind::Word),
        ],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "issues LSCs again for many phones, a batch at a time",
        help: "This will schedule Install/Upgrade in batches: for the phones whose LSC is stale, for some, or for all. The\n\
               next batch comes when the one before is finished. It stops when more than stop-at-percent (10) of the finished\n\
               phones failed. A batch has 50 phones, a phone 24 hours; `string` takes the strings that the phones have.",
        example: "utils capf device wave start stale lsc 100 5 48",
        action: Action::StartWave,
    },
    Command {
        words: &["utils", "capf", "device", "wave", "status"],
        arguments: &[],
        level: Level::Read,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "shows how a wave stands",
        help: "This will show the last wave: how many phones are done, which failed, which are pending.",
        example: "utils capf device wave status",
        action: Action::ShowWave,
    },
    Command {
        words: &["utils", "capf", "device", "wave", "stop"],
        arguments: &[optional("give-up", Kind::Choice(&["give-up"]))],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "stops a wave, or ends it for good",
        help: "This will stop a wave; `resume` goes on with it. With `give-up` it ends for good. What is scheduled stays\n\
               scheduled.",
        example: "utils capf device wave stop",
        action: Action::StopWave,
    },
    Command {
        words: &["utils", "capf", "mic-root", "load"],
        arguments: &[needed("file", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "loads the roots of MICs from a file",
        help: "This will put the CA certificates of a file (PEM, or one in DER) into CAPF-trust and CallManager-trust, all or\n\
               none of them: phones with MICs of these CAs can authenticate by them then. The file is named by its whole path\n\
               or as it lies in the data directory.",
        example: "utils capf mic-root load manufacturing-roots.pem",
        action: Action::LoadMicRoots,
    },
    Command {
        words: &["utils", "capf", "stale-lsc", "delete", "all"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "gives up all stale LSCs",
        help: "This will give up the LSCs that `utils capf stale-lsc list` names. Phones keep theirs until they enrol again, but\n\
               here nothing hangs on the old CAPF any more, so it can be deleted. The original gives this to level 0.",
        example: "utils capf stale-lsc delete all",
        action: Action::DeleteStaleLscs,
    },
    Command {
        words: &["utils", "capf", "stale-lsc", "list"],
        arguments: &[],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "lists LSCs that do not hang on the CAPF in use",
        help: "This will list the LSCs that an old CAPF issued, that have expired, or whose phone is not known any more.",
        example: "utils capf stale-lsc list",
        action: Action::ListStaleLscs,
    },
    Command {
        words: &["utils", "ctl", "set-cluster", "mixed-mode"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "sets the cluster to mixed mode and makes its CTL file",
        help: "This will make the CTL file, put it on all nodes and set the cluster to mixed mode. Phones take\n\
               the CTL at their next start; from then on they can authenticate and encrypt.",
        example: "utils ctl set-cluster mixed-mode",
        action: Action::MixedMode,
    },
    Command {
        words: &["utils", "ctl", "set-cluster", "non-secure-mode"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "sets the cluster to non secure mode and reduces its CTL file",
        help: "This will reduce the CTL file to its SAST and CAPF records and set the cluster to non secure mode.\n\
               The file stays: a phone that holds a CTL takes only another one.",
        example: "utils ctl set-cluster non-secure-mode",
        action: Action::NonSecureMode,
    },
    Command {
        words: &["utils", "ctl", "update", "CTLFile"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "makes the CTL file again from the certificates of now",
        help: "This will make the CTL file again and put it on all nodes. Needed after a renewal of CallManager,\n\
               CAPF or ITLRecovery in mixed mode; without it phones cannot use TLS with the new certificate.",
        example: "utils ctl update CTLFile",
        action: Action::UpdateCtl,
    },
    Command {
        words: &["utils", "service", "list"],
        arguments: &[optional("page", Kind::Choice(&["page"]))],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "lists the services of this node",
        help: "This will list the services of this node and whether they run.",
        example: "utils service list",
        action: Action::ListServices,
    },
    Command {
        words: &["utils", "service", "restart"],
        arguments: SERVICE,
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "restarts a service of this node",
        help: "This will restart a service. Cisco Tftp builds its ITL file again then.",
        example: "utils service restart Cisco Tftp",
        action: Action::RestartService,
    },
    Command {
        words: &["utils", "service", "start"],
        arguments: SERVICE,
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "starts a service of this node",
        help: "This will start a service.",
        example: "utils service start Cisco Tftp",
        action: Action::StartService,
    },
    Command {
        words: &["utils", "service", "stop"],
        arguments: SERVICE,
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "stops a service of this node",
        help: "This will stop a service. It stays stopped until it is started or restarted.",
        example: "utils service stop Cisco Tftp",
        action: Action::StopService,
    },
];
