//! `show cert`, `set cert`.

use cluster::Level;

use super::{needed, optional};
use crate::table::{Action, Command, Kind, Origin, Place};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: &["set", "cert", "delete"],
        arguments: &[needed("unit-name", Kind::TrustStore), needed("file-name", Kind::TrustFile)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "deletes a certificate from a trust store",
        help: "This will delete a certificate from a trust store, on all nodes, and it does not come back by itself. What is\n\
               needed stays: an own certificate, a CA of LSCs or of an own certificate, what stands in a CTL or ITL file. For some\n\
               days (parameter DeletedCertificateRetention) `set cert undelete` takes the deletion back.",
        example: "set cert delete CAPF-trust CAPF-e41e7d87.pem",
        action: Action::DeleteTrusted,
    },
    Command {
        words: &["set", "cert", "import", "own"],
        arguments: &[
            needed("unit-name", Kind::Unit),
            optional(
                "file | --key file | --dry-run | --description text",
                Kind::Options(&["--key", "--dry-run", "--description"]),
            ),
        ],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "takes over the certificate that an external CA gave for a CSR",
        help: "This will take over the certificate that an external CA gave for a request of this unit, `set csr gen`. The CAs\n\
               above it have to stand in the trust store of the unit first, the root before the others: `set cert import trust`.\n\
               The file is PEM with one certificate, DER, or a PKCS#7 chain in DER. A certificate for all nodes (multi-server)\n\
               goes to all of them with its key, whatever they had before; the original takes those on its page only. Everything\n\
               is checked first: key, names, key usages, chain, dates. `--dry-run` says what would change, `--key` names the key\n\
               of a certificate whose request was made elsewhere. Without a file, or with -, the certificate is pasted in as\n\
               PEM; an empty line behind it or Ctrl-D ends it. A file is named by its whole path or as it lies in the data\n\
               directory. What waits for phones can be forced: `set cert import own force`.",
        example: "set cert import own tomcat tomcat.pem --dry-run",
        action: Action::ImportOwn,
    },
    Command {
        words: &["set", "cert", "import", "own", "force"],
        arguments: &[needed("unit-name", Kind::Unit), needed("file reason", Kind::Value)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "the same although phones have not fetched their new lists",
        help: "This will do what `set cert import own` does when that waits for phones, for the CTL file or for the clock. Phones\n\
               that it waits for may have to be erased by hand. The audit log keeps the reason. All other checks stay, and so do\n\
               the five minutes between CallManager and TVS. With - for the file the certificate is pasted in.",
        example: "set cert import own force TVS tvs.pem all phones of the list are switched off for good",
        action: Action::ForceImportOwn,
    },
    Command {
        words: &["set", "cert", "import", "trust"],
        arguments: &[
            needed("unit-name", Kind::TrustStore),
            optional("file | --description text", Kind::Options(&["--description"])),
        ],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "puts certificates of a file into a trust store",
        help: "This will put all certificates of a file (PEM, or one in DER) into a trust store, which may be named by its unit:\n\
               tomcat for tomcat-trust. CUCM takes one PEM certificate in a file; here several are taken, and the answer says\n\
               of each what it is and which roles it gets. Phone-SAST-trust makes signers of trust lists and takes one at a time.\n\
               Without a file they are pasted in as PEM; an empty line behind the last one or Ctrl-D\n\
               ends it. A file is named by its whole path or as it lies in the data directory. `--description \"text\"` is what the\n\
               lists call it.",
        example: "set cert import trust Phone-SAST-trust SAST-ADN0054f509.pem --description \"1st eToken Cert\"",
        action: Action::ImportTrust,
    },
    Command {
        words: &["set", "cert", "regen"],
        arguments: &[needed("unit-name", Kind::Unit), optional("options", Kind::Options(&["key-length", "hash"]))],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Original,
        summary: "makes a new key and certificate for a unit of this node",
        help: "This will replace key and certificate of a unit, exchange the copies in the trust stores and\n\
               rebuild the ITL files. In mixed mode run `utils ctl update CTLFile` after CallManager, CAPF or\n\
               ITLRecovery. CallManager and TVS wait five minutes for each other, and until all phones have fetched\n\
               an ITL file that tells of the first change: a phone that has missed both can check nothing any more.\n\
               `show itl status` names the phones, `set cert regen force` does not wait for them. The options (ours; the original\n\
               has them on its page):\n\
               key-length BITS  2048, 3072, 4096 (1024 in old releases); 256, 384, 521 for -ECDSA. For a unit that phones check not\n\
               \x20                3072, which their files cannot name, and no more than every phone in use can check\n\
               hash SHA256      or SHA512 (SHA1 in old releases).",
        example: "set cert regen CallManager",
        action: Action::Regenerate,
    },
    Command {
        words: &["set", "cert", "regen", "force"],
        arguments: &[needed("unit-name", Kind::Unit), needed("reason", Kind::Value)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "the same although phones have not fetched their new lists",
        help: "This will do what `set cert regen` does when that waits for phones, for the CTL file or for the clock. Phones that\n\
               it waits for may have to be erased by hand. The audit log keeps the reason. The five minutes between CallManager\n\
               and TVS cannot be forced.",
        example: "set cert regen force TVS all phones of the list are switched off for good",
        action: Action::ForceRegenerate,
    },
    Command {
        words: &["set", "cert", "reuse"],
        arguments: &[needed("unit-name", Kind::Unit)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "uses the tomcat certificate of all nodes for CallManager too",
        help: "This will use the multi-server certificate of tomcat for CallManager on all nodes, or that of tomcat-ECDSA for\n\
               CallManager-ECDSA, from release 14 on: one certificate less to renew. The original has a button for it. Put the CAs\n\
               above it into CallManager-trust first. `show cert list own` does not name CallManager then. In mixed mode run\n\
               `utils ctl update CTLFile` and reset the phones. A renewal or upload for either unit ends it.",
        example: "set cert reuse tomcat",
        action: Action::Reuse,
    },
    Command {
        words: &["set", "cert", "reuse", "force"],
        arguments: &[needed("unit-name", Kind::Unit), needed("reason", Kind::Value)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "the same although phones have not fetched their new lists",
        help: "This will do what `set cert reuse` does when that waits for phones, for the CTL file or for the clock. The audit log\n\
               keeps the reason. All other checks stay, and so do the five minutes between CallManager and TVS.",
        example: "set cert reuse force tomcat all phones of the list are switched off for good",
        action: Action::ForceReuse,
    },
    Command {
        words: &["set", "cert", "undelete"],
        arguments: &[needed("unit-name", Kind::TrustStore), needed("file-name", Kind::Word)],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "puts back what was deleted from a trust store",
        help: "This will put a certificate back into the trust store that it was deleted from, on all nodes. `show cert deleted`\n\
               lists what can be put back.",
        example: "set cert undelete tomcat-trust test1.pem",
        action: Action::UndeleteTrusted,
    },
    Command {
        words: &["show", "cert", "deleted"],
        arguments: &[],
        level: Level::ReadWrite,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "lists what was deleted from trust stores and can be put back",
        help: "This will list the certificates that were deleted from trust stores, when and by whom, and until when\n\
               `set cert undelete` puts them back.",
        example: "show cert deleted",
        action: Action::ListDeletions,
    },
    Command {
        words: &["show", "cert", "fingerprint"],
        arguments: &[needed("filename", Kind::OwnCertificate)],
        level: Level::Read,
        place: Place::AnyNode,
        origin: Origin::Ours,
        summary: "prints the SHA-1 and SHA-256 of an own certificate",
        help: "This will print the fingerprints of an own certificate of this node: the CTL client asks whether the one that it is shown \
               is the SHA-256 of tomcat of the publisher. The name of the unit is enough.",
        example: "show cert fingerprint tomcat",
        action: Action::ShowFingerprint,
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
];
