//! Every setting of `ringfence.toml`: where it stands, its option, the form that is wanted, what counts without it. The help of `serve`,
//! the errors about the file and `ringfence config show` read it.

/// A setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its table, without brackets.
    pub section: &'static str,
    /// Its key.
    pub key: &'static str,
    /// Its option of `serve`; empty when it has none.
    pub option: &'static str,
    /// What is wanted, with the unit.
    pub form: &'static str,
    /// What counts without it.
    pub default: &'static str,
    /// What it is for.
    pub about: &'static str,
}

const fn row(
    section: &'static str,
    (key, option): (&'static str, &'static str),
    form: &'static str,
    default: &'static str,
    about: &'static str,
) -> Setting {
    Setting { section, key, option, form, default, about }
}

const PORT: &str = "a port, 0 to 65535 (0: any free one)";
const CLUSTER_PORT: &str = "a port, 0 to 65535 (0: any free one at the first start)";
const SECONDS: &str = "seconds, 1 or more";
const COUNT: &str = "a number, 1 or more";
const TEXT: &str = "text in quotation marks";
const SWITCH: &str = "true or false";
const IPV4: &str = "an IPv4 address in quotation marks";

/// All of them, in the order of the file. `[cluster]` counts at the first start only.
pub const SETTINGS: [Setting; 41] = [
    row("cluster", ("release", "--release"), TEXT, "15", "release of CUCM to follow"),
    row("cluster", ("upgraded_from", "--upgraded-from"), TEXT, "none", "release whose certificates it keeps"),
    row("cluster", ("name", "--name"), TEXT, "the name of this machine", "host name of the publisher, without domain"),
    row("cluster", ("domain", "--domain"), TEXT, "none", "domain after the host name"),
    row(
        "cluster",
        ("address", "--address"),
        IPV4,
        "that of --listen, else the one used towards others",
        "address that phones reach the publisher at",
    ),
    row("cluster", ("country", "--country"), "two capital letters in quotation marks", "XX", "C of all subjects"),
    row("cluster", ("organization", "--organization"), TEXT, "Ringfence", "O of all subjects"),
    row("cluster", ("unit", "--unit"), TEXT, "Phones", "OU of all subjects"),
    row("cluster", ("state", "--state"), TEXT, "none", "ST of all subjects"),
    row("cluster", ("locality", "--locality"), TEXT, "none", "L of all subjects"),
    row(
        "cluster",
        ("subscriber", "--subscriber"),
        "[[cluster.subscriber]] with name and address",
        "none",
        "further nodes; --subscriber NAME=ADDRESS",
    ),
    row("serve", ("user", "--user"), TEXT, "the owner of the data directory", "user to run as when root starts it"),
    row(
        "listen",
        ("address", "--listen"),
        "an address in quotation marks",
        "0.0.0.0; the address of the node on a subscriber",
        "address to listen on",
    ),
    row("listen", ("tftp", "--tftp-port"), PORT, "69, or 6969 without the right to 69", "UDP port of TFTP"),
    row("listen", ("http", "--http-port"), PORT, "6970", "TCP port of HTTP"),
    row(
        "listen",
        ("tvs", "--tvs-port"),
        CLUSTER_PORT,
        "that of the cluster, 2445 at first",
        "TCP port of TVS, named in configs",
    ),
    row(
        "listen",
        ("capf", ""),
        CLUSTER_PORT,
        "that of the cluster, 3804 at first",
        "TCP port of CAPF, named in configs",
    ),
    row("listen", ("ctl_provider", ""), PORT, "2444", "TCP port of the CTL provider, once it is activated"),
    row("phones", ("legacy_tls", "--legacy-tls"), SWITCH, "false", "TLS 1.0 for the 7900 series"),
    row("capf", ("connections", "--capf-connections"), COUNT, "2048", "open connections at most"),
    row("capf", ("per_address", "--capf-per-address"), COUNT, "256", "open connections of one address at most"),
    row("capf", ("handshake_seconds", ""), SECONDS, "30", "for TCP and TLS"),
    row("capf", ("authentication_seconds", ""), SECONDS, "60", "for a phone to authenticate"),
    row("capf", ("key_seconds", ""), SECONDS, "600", "for a phone to make its key"),
    row("capf", ("answer_seconds", ""), SECONDS, "30", "for any other answer of a phone"),
    row("capf", ("sha1_proofs", "--capf-sha1-proofs"), SWITCH, "false", "certificates without a proof with SHA-512"),
    row("files", ("tftpboot", "--tftpboot"), "a folder in quotation marks", "none", "files for phones; never written"),
    row("files", ("merge", "--no-merge"), SWITCH, "true", "TVS and CAPF elements merged into its configs"),
    row("files", ("memory_mib", ""), COUNT, "256", "MiB of files in memory at most"),
    row("monitor", ("window_days", ""), "days", "90", "before an expiry that it is reported"),
    row("monitor", ("repeat_hours", ""), "hours", "168", "until the same is said again"),
    row("monitor", ("lsc", ""), SWITCH, "true", "LSCs too"),
    row("monitor", ("metrics", ""), "ADDRESS:PORT in quotation marks", "none", "where GET /metrics is answered"),
    row("monitor.syslog", ("server", ""), "HOST:PORT in quotation marks", "none", "syslog receiver"),
    row("monitor.syslog", ("transport", ""), "\"udp\" or \"tcp\"", "udp", "how it is reached"),
    row("monitor.syslog", ("facility", ""), "0 to 23", "23", "facility"),
    row("monitor.mail", ("server", ""), TEXT, "none", "SMTP server; user, password_file, ca_file as text too"),
    row("monitor.mail", ("port", ""), "a port, 1 to 65535", "587", "its port"),
    row("monitor.mail", ("starttls", ""), SWITCH, "true", "whether it must speak STARTTLS"),
    row("monitor.mail", ("from", ""), TEXT, "none", "sender"),
    row("monitor.mail", ("to", ""), "[\"A@B\", ...]", "none", "receivers"),
];

/// A setting by its place.
#[must_use]
pub fn find(section: &str, key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.section == section && setting.key == key)
}

/// Columns of a terminal.
const COLUMNS: usize = 80;

/// All of them as lines for a terminal of 80 columns.
#[must_use]
pub fn listing() -> String {
    let mut out = String::from("Settings of ringfence.toml ([cluster] counts at the first start only):\n");
    let mut section = "";
    for setting in &SETTINGS {
        if setting.section != section {
            section = setting.section;
            out.push_str(&format!("  [{section}]\n"));
        }
        let option = if setting.option.is_empty() { String::new() } else { format!(" ({})", setting.option) };
        out.push_str(&format!("    {}{option}: {}\n", setting.key, setting.about));
        let without = format!("without it: {}", setting.default);
        let one_line = format!("        {}; {without}\n", setting.form);
        if one_line.len() <= COLUMNS + 1 {
            out.push_str(&one_line);
        } else {
            out.push_str(&format!("        {}\n        {without}\n", setting.form));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::settings::file::flat;

    #[test]
    fn it_has_every_setting_with_its_default() {
        let text = "[cluster]\nrelease=\"15\"\nupgraded_from=\"9.1\"\nname=\"n\"\ndomain=\"d\"\naddress=\"10.0.0.1\"\ncountry=\"DE\"\norganization=\"o\"\n\
                    unit=\"u\"\nstate=\"s\"\nlocality=\"l\"\nsubscriber=[{name=\"s\",address=\"10.0.0.2\"}]\n\
                    [serve]\nuser=\"u\"\n[listen]\naddress=\"::\"\ntftp=1\nhttp=2\ntvs=3\ncapf=4\nctl_provider=5\n[files]\ntftpboot=\"/x\"\n\
                    [monitor]\nmetrics=\"127.0.0.1:9\"\nsyslog={server=\"h:1\"}\n\
                    mail={server=\"m\",from=\"a@b\",to=[\"c@d\"]}\n";
        let full: Settings = toml::from_str(text).unwrap();
        let mut keys: Vec<(String, String)> = flat(&full).into_iter().map(|(section, key, _)| (section, key)).collect();
        let mut told: Vec<(String, String)> =
            SETTINGS.iter().map(|setting| (setting.section.to_owned(), setting.key.to_owned())).collect();
        keys.sort();
        told.sort();
        assert_eq!(keys, told);
        for (section, key, value) in flat(&Settings::default()) {
            let setting = find(&section, &key).unwrap();
            assert_eq!(setting.default, value.trim_matches('"'), "[{section}] {key}");
        }
    }

    #[test]
    fn the_listing_fits_a_terminal() {
        let long: Vec<String> = listing().lines().filter(|line| line.len() > COLUMNS).map(str::to_owned).collect();
        assert!(long.is_empty(), "{long:#?}");
    }
}
