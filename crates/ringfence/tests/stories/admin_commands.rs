//! `ringfence admin -c` and lines from a pipe: what is printed, who answers, how it ends.

use crate::admin_cluster::Place;

const MIXED: &str = "utils ctl set-cluster mixed-mode";
const QUESTION: &str = "This operation will set the cluster to Mixed mode. Do you want to continue? (y/n):";

#[test]
fn commands_answers_and_exit_codes() {
    let place = Place::new(|_| async {});

    // a confirmation from standard input, from nobody, from --yes
    let ended = place.run(&["admin", "-c", MIXED], "n\n");
    assert_eq!((ended.code(), ended.out()), (1, format!("{QUESTION}n\nNothing was done.\n").as_str()));
    let ended = place.run(&["admin", "-c", MIXED], "");
    assert_eq!((ended.code(), ended.out()), (1, format!("{QUESTION}\n").as_str()));
    assert_eq!(ended.error(), "no answer on standard input, so nothing was done; --yes answers\n");
    assert!(!place.file("published/CTLFile.tlv").exists());
    let ended = place.run(&["admin", "-c", MIXED, "--yes"], "");
    assert!(
        ended.out().starts_with(&format!("{QUESTION}y\n\nMoving Cluster to Mixed Mode\nCluster set to Mixed Mode\n"))
    );
    assert_eq!(ended.code(), 0);
    assert!(place.file("published/CTLFile.tlv").exists());
    assert!(place.file("nodes/sub1/published/CTLFile.tlv").exists());

    // several commands; the first failure ends them
    let out = place
        .run(&["admin", "-c", "show cli pagination", "-c", "run sql select name from processnode where nodeid = 2"], "")
        .success();
    assert_eq!(out, "Automatic Pagination : On.\nname\n====\nsub1\n");
    let ended = place.run(&["admin", "-c", "frobnicate", "-c", "show ctl"], "");
    assert_eq!((ended.code(), ended.out()), (64, ""));
    assert_eq!(
        ended.error(),
        "Executed command unsuccessfully\nNo valid command entered\n`help` lists the commands.\n",
        "an error of -c is on standard error, as its exit code says"
    );
    let ended = place.run(&["admin", "-c", "set cert regen"], "");
    assert_eq!((ended.code(), ended.out()), (64, ""));
    assert!(
        ended.error().starts_with("unit-name is missing\nSyntax: set cert regen unit-name [options]\n"),
        "{}",
        ended.error()
    );
    let ended = place.run(&["admin", "-c", "show cert own nobody"], "");
    assert_eq!((ended.code(), ended.out()), (1, ""));
    assert!(ended.error().starts_with("no certificate nobody; "), "{}", ended.error());
    // in a session it stays in the stream
    let ended = place.run(&["admin"], "show cli pagination\nfrobnicate\n");
    assert_eq!((ended.code(), ended.error()), (64, ""));
    assert!(ended.out().contains("Pagination : On.\nExecuted command unsuccessfully\nNo valid command entered\n"));

    // a script through a pipe: answers are its next lines, long texts are not paged, the end of a line may be CR LF
    let script = "show itl\r\nset cert regen tomcat\r\nno\r\nset cert regen CallManager\r\nyes\r\nset cert regen TVS\nyes\nquit\n";
    let ended = place.run(&["admin"], script);
    let out = ended.out();
    assert!(out.starts_with("The checksum value of the ITL file:\n"));
    assert!(out.contains("The ITL file was verified successfully.\n") && !out.contains("options: q=quit"));
    assert!(out.contains("Proceed with regeneration (yes|no)? no\nNothing was done.\nWARNING: "));
    assert!(
        out.contains(
            "Proceed with regeneration (yes|no)? yes\nSuccessfully Regenerated Certificate for CallManager.\n"
        )
    );
    assert!(out.ends_with(
        "CallManager certificate was modified in the last 5 minutes. Please re-try regenerating TVS certificate at a later \
         time\nExecuted command unsuccessfully\n"
    ));
    assert_eq!(ended.code(), 1);
    let out = place.run(&["admin"], "show cli pagination\nquit\nfrobnicate\n").success();
    assert_eq!(out, "Automatic Pagination : On.\n", "nothing behind quit");
    assert_eq!(place.run(&["admin"], "").success(), "");

    // node and level
    let ended = place.run(&["admin", "--node", "SUB1", "-c", "utils ctl update CTLFile", "--yes"], "");
    assert_eq!(
        (ended.code(), ended.error()),
        (1, "This command can only be run on the publisher\nExecuted command unsuccessfully\n")
    );
    let ended = place.run(&["admin", "--level", "0", "-c", "file delete tftp CTLFile.tlv", "--yes"], "");
    assert!(ended.error().ends_with(" has privilege level 0, this needs level 1\nExecuted command unsuccessfully\n"));
    assert_eq!(ended.code(), 1);
    assert!(place.file("published/CTLFile.tlv").exists());
    let ended = place.run(&["admin", "--node", "sub9", "-c", "show ctl"], "");
    assert_eq!((ended.code(), ended.error()), (2, "no node sub9; the nodes are pub, sub1\n"));
    assert_eq!(place.run(&["admin", "--level", "2"], "").code(), 64);

    // what was typed stands in the log of its node
    let log = std::fs::read_to_string(place.file("log/cli.log")).unwrap();
    assert!(log.lines().all(|line| line.contains(" INFO [main] sdMain.main - running command -> [")));
    assert!(log.contains("-> [frobnicate]\n") && !log.contains("-> [yes]"));
    assert!(
        std::fs::read_to_string(place.file("nodes/sub1/log/cli.log")).unwrap().contains("[utils ctl update CTLFile]")
    );

    // what is no line of text
    let ended = place.run(&["admin"], &"x".repeat(9000));
    assert_eq!((ended.code(), ended.error()), (2, "standard input: a line has more than 8192 bytes\n"));
}

#[test]
fn a_list_that_cannot_be_written_is_exit_2() {
    let place = Place::new(|_| async {});
    // A folder stands where the CTL file goes.
    std::fs::create_dir(place.file("published/CTLFile.tlv")).unwrap();
    let ended = place.run(&["admin", "-c", MIXED, "--yes"], "");
    assert_eq!(ended.code(), 2, "{}", ended.out());
    assert_eq!(ended.out(), "");
    assert!(ended.error().contains("published/CTLFile.tlv"));
    assert!(ended.error().ends_with("\nExecuted command unsuccessfully\n"));
    let sql = "run sql select paramvalue from processconfig where paramname='ClusterSecurityMode'";
    assert_eq!(place.run(&["admin", "-c", sql], "").success(), "paramvalue\n==========\n0\n");
}

#[test]
fn no_cluster_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["admin", "-c", "show ctl", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.ends_with(": no cluster here; run `ringfence serve` first, or name its directory with --data\n"));
    assert_eq!(said.lines().count(), 1);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}
