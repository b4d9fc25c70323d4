//! `ringfence cert`: what `openssl` reads without help.

use std::process::Command;

use crate::admin_cluster::Place;

fn openssl(arguments: &[&str]) -> String {
    let done = Command::new("openssl").args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn openssl_reads_certificates_and_requests() {
    let place = Place::new(|_| async {});
    let file = |name: &str| place.file(name).to_str().unwrap().to_owned();
    let (pem, der, csr) = (file("tomcat.pem"), file("tvs.der"), file("tomcat.csr"));

    place.run(&["cert", "tomcat", "-o", &pem], "").success();
    let fingerprints = place.run(&["admin", "-c", "show cert fingerprint tomcat"], "").success();
    for digest in ["sha1", "sha256"] {
        let shown = openssl(&["x509", "-in", &pem, "-noout", "-fingerprint", &format!("-{digest}")]);
        let (_, digits) = shown.trim().split_once('=').unwrap();
        assert!(fingerprints.lines().any(|line| line.ends_with(digits)), "{digits}: {fingerprints}");
    }
    place.run(&["cert", "TVS", "--node", "SUB1", "--der", "-o", &der], "").success();
    assert!(openssl(&["x509", "-inform", "DER", "-in", &der, "-noout", "-subject"]).contains("sub1"));
    let out = place.run(&["cert", "tomcat"], "").success();
    assert_eq!(out, std::fs::read_to_string(&pem).unwrap(), "standard output without -o");

    // Nothing is written over, and what there is not is exit 1.
    let ended = place.run(&["cert", "tomcat", "-o", &pem], "");
    assert_eq!(ended.code(), 2);
    assert!(ended.error().contains("exists already; give --force"), "{}", ended.error());
    for (arguments, says) in [
        (&["cert", "tomcat", "--csr"][..], "pub has no request tomcat; `set csr gen tomcat` makes one"),
        (&["cert", "nobody"], "no certificate nobody; `show cert list own` names"),
        (&["cert", "tomcat", "--node", "sub9"], "no node sub9; "),
    ] {
        let ended = place.run(arguments, "");
        assert_eq!((ended.code(), ended.out()), (1, ""), "{arguments:?}");
        assert!(ended.error().starts_with(says), "{}", ended.error());
    }

    place.run(&["admin", "-c", "set csr gen tomcat"], "").success();
    place.run(&["cert", "tomcat", "--csr", "-o", &csr], "").success();
    openssl(&["req", "-in", &csr, "-noout", "-verify"]);
    place.run(&["cert", "tomcat/tomcat.csr", "--csr", "--der", "-o", &der, "--force"], "").success();
    openssl(&["req", "-inform", "DER", "-in", &der, "-noout", "-verify"]);
}
