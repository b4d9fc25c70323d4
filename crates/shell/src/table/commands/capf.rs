//! `utils capf`.

use cluster::Level;

use super::{DEVICES, needed, optional};
use crate::run::capf_devices::{AUTHENTICATIONS, LISTS};
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["utils", "capf", "cert", "import"],
        arguments: &[needed("path", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "imports LSCs that an offline CA has signed",
        help: "This will take the certificates of a file, or of all files of a directory (PEM, or one in DER). A certificate is\n\
               taken when its key is that of a request which waits, its name is that of the phone, its issuer is in CAPF-trust\n\
               and it is valid now; what is refused is named. The phone gets it when it boots. The original takes the files\n\
               from an SFTP server.",
        example: "utils capf cert import /srv/signed",
        action: Action::ImportDeviceCertificates,
    },
    Command {
        words: &["utils", "capf", "csr", "dump"],
        arguments: &[needed("directory", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "writes the requests of phones for an offline CA",
        help: "This will write DEVICE.csr and DEVICE.pub for each phone whose key waits for the certificate of an offline CA.\n\
               Phones cannot sign a request, so CAPF has signed the .csr: a CA that insists on the signature of the key itself\n\
               takes the .pub, such as `openssl x509 -new -force_pubkey DEVICE.pub`. The original sends the files to an SFTP\n\
               server.",
        example: "utils capf csr dump /srv/requests",
        action: Action::DumpDeviceRequests,
    },
    Command {
        words: &["utils", "capf", "csr", "list"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Original,
        summary: "lists phones whose key waits for an offline CA",
        help: "This will list the phones that have made a key since `set parameter CertificateIssuerToEndpoint Offline CA`\n\
               and wait for its certificate.",
        example: "utils capf csr list",
        action: Action::ListDeviceRequests,
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
            // the sizes of curves too: with ec-only one may stand alone
            optional("rsa-bits", Kind::Choice(&["512", "1024", "2048", "3072", "4096", "256", "384", "521"])),
            optional("ec-bits", Kind::Choice(&["256", "384", "521"])),
        ],
        level: Level::ReadWrite,
        place: Place::Publisher,
        origin: Origin::Ours,
        summary: "sets key order and key sizes of phones",
        help: "This will set what keys phones make: RSA Only, EC Only, or EC Preferred, RSA Backup. Without sizes RSA has\n\
               2048 bits and EC 384; with ec-only the EC size may stand alone. It counts from the next installation on. The original\n\
               has it on the page of a phone.",
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
        summary: "lists LSCs that are not by the issuer in use",
        help: "This will list the LSCs that are not by the issuer in use, that have expired, or whose phone is not known any more.",
        example: "utils capf stale-lsc list",
        action: Action::ListStaleLscs,
    },
];
