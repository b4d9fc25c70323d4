//! `ringfence admin` on a terminal: prompt, editing, Tab, `?`, pages, confirmations, Ctrl-C, Ctrl-D.

use std::process::Command;

use crate::admin_cluster::Place;
use crate::support::company::Company;
use crate::support::terminal::Terminal;

fn admin(place: &Place, arguments: &[&str]) -> Terminal {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    command.args(["admin", "--data"]).arg(place.path()).args(arguments);
    Terminal::start(command)
}

#[test]
fn a_session_at_the_terminal() {
    let place = Place::new(|_| async {});
    let mut terminal = admin(&place, &[]);
    terminal.until("pub, publisher, release 10.5. `help` lists the commands, `quit` leaves.\n");
    terminal.until("admin:");
    terminal.press("show cli pagination\r");
    terminal.until("\nAutomatic Pagination : On.\n");
    terminal.until("admin:");

    // Tab: a word, then its sub-commands with `*`, then names of this node
    terminal.press("se\tc");
    terminal.until("set c");
    terminal.press("\t\t");
    let listed = terminal.until("admin:set c");
    assert!(listed.contains("cert*") && listed.contains("cli*"), "{listed:?}");
    terminal.press("ert reg\tCa\t");
    terminal.until("set cert regen Ca");
    terminal.press("\t");
    let listed = terminal.until("admin:set cert regen ");
    assert!(listed.contains("CallManager") && listed.contains("CAPF"), "{listed:?}");
    terminal.press("\x03");
    terminal.until("Control-C pressed\n");
    terminal.until("admin:");

    // `?`: the answer, and the line again without it
    terminal.press("utils ctl ?\r");
    terminal.until("\n      utils ctl set-cluster*\n      utils ctl update*\n");
    terminal.until("admin:utils ctl ");
    terminal.press("update CTLFile ?\r");
    terminal.until("\nSyntax:\n utils ctl update CTLFile\n");
    terminal.until("admin:utils ctl update CTLFile ");
    terminal.press("\x15frobnicate\r");
    terminal.until("\nExecuted command unsuccessfully\nNo valid command entered\n`help` lists the commands.\n");
    terminal.until("admin:");

    // a confirmation: the answer stands on the line of the question; Ctrl-C and Ctrl-D mean no
    for no in ["n\r", "\x03", "\x04"] {
        terminal.press("utils ctl set-cluster mixed-mode\r");
        terminal.until("Do you want to continue? (y/n):");
        terminal.press(no);
        let shown = terminal.until("admin:");
        assert!(!shown.contains("Moving"), "{shown:?}");
        assert!(!place.file("published/CTLFile.tlv").exists());
    }
    terminal.press("utils ctl set-cluster mixed-mode\r");
    terminal.until("Do you want to continue? (y/n):");
    terminal.press("y\r");
    terminal.until("\nMoving Cluster to Mixed Mode\nCluster set to Mixed Mode\n");
    terminal.until("admin:");

    // pages: two lines of the first one are wider than the screen
    terminal.press("show ctl\r");
    let page = terminal.until("options: q=quit, n=next, p=prev, b=begin, e=end (lines 1 - 21 of ");
    assert!(page.contains("The checksum value of the CTL file:\n"));
    terminal.until(" :");
    terminal.press("\r");
    terminal.until("(lines 22 - ");
    terminal.press("p\r");
    terminal.until("(lines 1 - 21 of ");
    terminal.press("e\r");
    terminal.until("The CTL file was verified successfully.\n");
    terminal.until("end of the file reached\n");
    terminal.press("q\r");
    terminal.until("admin:");
    terminal.press("set cli pagination off\r");
    terminal.until("admin:");
    terminal.press("show ctl\r");
    let whole = terminal.until("The CTL file was verified successfully.\n");
    assert!(!whole.contains("options:"));
    terminal.until("admin:");

    // the arrow brings the last command back; Ctrl-D leaves
    terminal.press("\x1b[A");
    terminal.until("show ctl");
    terminal.press("\x15\x04");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn certificates_are_pasted() {
    let place = Place::new(|_| async {});
    let pem = Company::new("Company Root").pem().replace('\n', "\r");
    let mut terminal = admin(&place, &[]);
    terminal.until("admin:");
    let done = "Successfully imported certificate for tomcat.\n\
                Please restart services related to tomcat for the new certificate to become active.\nadmin:";
    let again = " stands in tomcat already; nothing has been changed.\nadmin:";
    // an empty line ends it, and Ctrl-D
    for (pasted, done) in [(format!("{pem}\r"), done), (format!("{pem}\x04"), again)] {
        terminal.press("set cert import trust tomcat\r");
        terminal.until("Paste the Certificate and Hit Enter\n");
        terminal.press(&pasted);
        terminal.until(done);
    }
    // Ctrl-C drops it, and what follows is a command
    terminal.press("set cert import trust tomcat\r");
    terminal.until("Paste the Certificate and Hit Enter\n");
    terminal.press("-----BEGIN CERTIFICATE-----\r");
    terminal.until("-----BEGIN CERTIFICATE-----\n");
    terminal.interrupt();
    terminal.until("Control-C pressed\nadmin:");
    terminal.press("show cert list trust\r");
    let list = terminal.until("admin:");
    assert_eq!(list.matches("Company_Root").count(), 1, "{list}");
    terminal.press("quit\r");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn quit_and_a_reader() {
    let place = Place::new(|_| async {});
    let mut terminal = admin(&place, &["--level", "0", "--node", "sub1"]);
    terminal.until("sub1, subscriber, release 10.5.");
    terminal.until("admin:");
    terminal.press("set cert regen tomcat\r");
    terminal.until(" has privilege level 0, this needs level 1\nExecuted command unsuccessfully\n");
    terminal.until("admin:");
    terminal.press("file \t\t");
    terminal.press("\x15quit\r");
    assert_eq!(terminal.end(), 0);

    let mut terminal = admin(&place, &["--yes"]);
    terminal.until("--yes goes with -c or with commands from a pipe\n");
    assert_eq!(terminal.end(), 64);
}

/// While the cluster prepares for a rollback nobody begins to work without being told.
#[test]
fn the_warning_of_a_rollback_stands_at_login() {
    let place = Place::new(|_| async {});
    let mut terminal = admin(&place, &[]);
    let greeting = terminal.until("admin:");
    assert!(greeting.ends_with("`quit` leaves.\n\nadmin:"), "{greeting:?}");
    terminal.press("set rollback enable\r");
    terminal.until("Do you wish to proceed (yes|no)? ");
    terminal.press("yes\r");
    terminal.until("admin:");
    terminal.press("quit\r");
    assert_eq!(terminal.end(), 0);
    let mut terminal = admin(&place, &[]);
    terminal.until("`quit` leaves.\nWARNING: Prepare Cluster for Rollback to pre 8.0 is on.");
    terminal.until("`set rollback disable` ends it.\n\nadmin:");
    terminal.press("quit\r");
    assert_eq!(terminal.end(), 0);
}
