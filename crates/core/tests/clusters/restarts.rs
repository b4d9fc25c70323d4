//! Services and the restarts that changes of certificates need: which, where, and until when.

use cluster::certificates::regenerate::Regenerate;
use cluster::parameters::SecurityMode;
use cluster::restarts::MarkRestartDone;
use cluster::rows::NodeRow;
use cluster::service_control::Act;
use cluster::service_control::ControlService;
use cluster::service_control::ServiceState;
use cluster::services::{self, Run};
use cluster::units::Unit;
use cluster::{Actor, Level};
use ringfence_core::{Cluster, CoreError, Serving};
use testbed::{Clock, make, new_cluster, serve};

struct Place {
    _folder: tempfile::TempDir,
    cluster: Cluster,
    first: NodeRow,
    second: NodeRow,
    clock: Clock,
    actor: Actor,
    _served: Vec<Serving>,
}

impl Place {
    async fn new(release_name: &str) -> Self {
        let mut clock = Clock::at(1_767_323_045_000);
        let new = new_cluster(release_name, &[("pub", "127.0.0.1"), ("sub", "127.0.0.2")]);
        let (folder, cluster) = make(&new, &mut clock).await;
        let first = cluster.node(None).await.unwrap();
        let second = cluster.node(Some("sub")).await.unwrap();
        let served = serve(&cluster).await;
        let actor = Actor::new("admin", Level::Install);
        Self { _folder: folder, cluster, first, second, clock, actor, _served: served }
    }

    async fn regenerate(&mut self, unit: Unit) {
        self.clock.now += 1000;
        self.cluster.perform(&self.actor, &self.second, &Regenerate::unit(unit), &mut self.clock).await.unwrap();
    }

    /// `node step (causes)`, in order.
    async fn pending(&self) -> Vec<String> {
        let all = self.cluster.pending_restarts().await.unwrap();
        all.iter().map(|it| format!("{} {} ({})", it.node, it.step, it.causes.join(", "))).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_stay_until_they_are_done() {
    let mut place = Place::new("10.5").await;
    assert_eq!(place.pending().await, [""; 0]);
    place.regenerate(Unit::Tvs).await;
    let tvs = "Cisco Trust Verification Service (TVS of sub)";
    let phones = "pub reset the phones (TVS of sub)".to_owned();
    let both = |node: &str| [format!("{node} {tvs}"), format!("{node} Cisco Tftp (TVS of sub)")];
    let mut all = both("pub").to_vec();
    all.push(phones.clone());
    all.extend(both("sub"));
    assert_eq!(place.pending().await, all);

    // A restart here clears what it does; one that runs here cannot be marked.
    let Place { cluster, first, second, clock, actor, .. } = &mut place;
    let error = cluster
        .perform(actor, first, &MarkRestartDone { step: "tvs".to_owned() }, clock)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("`utils service restart Cisco Trust Verification Service` restarts it"), "{error}");
    for node in [&*first, &*second] {
        cluster.perform(actor, node, &ControlService::new("TVS", Act::Restart), clock).await.unwrap();
    }
    cluster.perform(actor, first, &ControlService::new("cisco tftp", Act::Restart), clock).await.unwrap();
    let error = cluster
        .perform(actor, first, &MarkRestartDone { step: "phones".to_owned() }, clock)
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(error, "`phones` is not pending on pub; pending: reset-phones");
    cluster.perform(actor, first, &MarkRestartDone { step: "Reset-Phones".to_owned() }, clock).await.unwrap();
    assert_eq!(place.pending().await, [both("sub")[1].clone()]);

    // What is stopped reads its new certificate when it starts. A clock that goes back forgets nothing and keeps nothing.
    place.clock.now -= 86_400_000;
    let Place { cluster, second, clock, actor, .. } = &mut place;
    cluster.perform(actor, second, &ControlService::new("Cisco Tftp", Act::Stop), clock).await.unwrap();
    assert_eq!(place.pending().await, [""; 0]);
    let Place { cluster, second, clock, actor, .. } = &mut place;
    cluster.perform(actor, second, &ControlService::new("Cisco Tftp", Act::Start), clock).await.unwrap();
    assert_eq!(place.pending().await, [""; 0]);
    place.regenerate(Unit::Tvs).await;
    assert_eq!(place.pending().await, all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_release_and_mode() {
    let mut place = Place::new("15").await;
    place.regenerate(Unit::Tvs).await;
    assert_eq!(place.pending().await, [""; 0], "14 and later need none");
    place.clock.now += 600_000;
    place.regenerate(Unit::CallManager).await;
    assert_eq!(place.pending().await, ["sub Cisco HAProxy (CallManager of sub)"]);
    place.regenerate(Unit::Ipsec).await;
    assert_eq!(place.pending().await.last().unwrap(), "sub utils ipsec restart (ipsec of sub)");

    let Place { cluster, first, second, clock, actor, .. } = &mut place;
    cluster.perform(actor, second, &MarkRestartDone { step: "utils ipsec restart".to_owned() }, clock).await.unwrap();
    // A restart of what runs elsewhere does nothing; somebody has to say that he did it there.
    let acted =
        cluster.perform(actor, second, &ControlService::new("Cisco HAProxy", Act::Restart), clock).await.unwrap();
    assert_eq!((acted.service.name, acted.state), ("Cisco HAProxy", ServiceState::RunElsewhere));
    let waits = cluster.pending_restarts().await.unwrap();
    assert!(waits.iter().any(|it| it.step == "Cisco HAProxy" && it.name() == Some("Cisco HAProxy")), "{waits:?}");
    cluster.perform(actor, second, &MarkRestartDone { step: "Cisco HAProxy".to_owned() }, clock).await.unwrap();
    cluster.set_security_mode(actor, first, SecurityMode::Mixed, clock).await.unwrap();
    let ctl: Vec<String> = ["pub", "sub"]
        .iter()
        .flat_map(|node| [format!("{node} Cisco CallManager (CTL)"), format!("{node} Cisco CTIManager (CTL)")])
        .collect();
    assert_eq!(place.pending().await, ctl);
    // In mixed mode the CTL comes to it, until one is signed.
    place.clock.now += 600_000;
    place.regenerate(Unit::CallManager).await;
    assert!(place.pending().await.contains(&"pub utils ctl update CTLFile (CallManager of sub)".to_owned()));
    let Place { cluster, first, clock, actor, .. } = &mut place;
    cluster.update_ctl(actor, first, clock).await.unwrap();
    assert!(!place.pending().await.iter().any(|step| step.contains("utils ctl")), "{:?}", place.pending().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_recovery_certificate_by_release() {
    for (release, steps) in [
        ("11.5", &["pub utils ctl update CTLFile"][..]),
        ("12.5", &["pub utils ctl reset localkey", "pub reset the phones", "pub utils ctl update CTLFile"]),
    ] {
        let mut place = Place::new(release).await;
        let Place { cluster, first, clock, actor, .. } = &mut place;
        cluster.set_security_mode(actor, first, SecurityMode::Mixed, clock).await.unwrap();
        clock.now += 1000;
        cluster.perform(actor, first, &Regenerate::unit(Unit::ItlRecovery), clock).await.unwrap();
        let because: Vec<String> = steps.iter().map(|step| format!("{step} (ITLRecovery of pub)")).collect();
        let mut pending = place.pending().await;
        pending.retain(|step| !step.ends_with("(CTL)"));
        assert_eq!(pending, because, "{release}");
        let Place { cluster, first, clock, actor, .. } = &mut place;
        let next: Vec<_> = cluster.anchors().await.unwrap().into_iter().map(|finding| finding.next).collect();
        let first_step = steps[0].split_once(' ').unwrap().1;
        assert!(next.iter().all(|next| next.starts_with(&format!("`{first_step}`"))), "{release}: {next:?}");

        // A CTL that the second SAST signed is no update: the step stays until the first signs again.
        cluster.reset_ctl(actor, first, clock).await.unwrap();
        let all = place.pending().await;
        assert!(!all.iter().any(|step| step.contains("reset localkey")), "{all:?}");
        assert!(all.iter().any(|step| step.starts_with("pub utils ctl update CTLFile (")), "{all:?}");
        let Place { cluster, first, clock, actor, .. } = &mut place;
        cluster.update_ctl(actor, first, clock).await.unwrap();
        assert!(!place.pending().await.iter().any(|step| step.contains("utils ctl")));
    }
    let mut place = Place::new("10.5").await;
    place.regenerate(Unit::ItlRecovery).await;
    assert_eq!(place.pending().await, [""; 0], "CallManager signs the ITL");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_of_a_node_and_a_cluster_without_rows_of_it() {
    let mut place = Place::new("10.5").await;
    let Place { cluster, first, second, clock, actor, .. } = &mut place;
    cluster.perform(actor, first, &ControlService::new("CAPF", Act::Deactivate), clock).await.unwrap();
    let state = |all: &[(&services::Service, cluster::rows::ServiceRow)], name: &str| {
        all.iter()
            .find(|(service, _)| service.name == name)
            .map(|(service, row)| (service.run_on(true), row.activated, row.started))
    };
    let all = cluster.service_states(first).await.unwrap();
    assert_eq!(state(&all, services::CAPF), Some((Run::Here, false, false)));
    assert_eq!(state(&all, services::CALL_MANAGER), Some((Run::Elsewhere, true, true)));
    assert_eq!(state(&cluster.service_states(second).await.unwrap(), services::CAPF), None);
    let error =
        cluster.perform(actor, first, &ControlService::new("CAPF", Act::Start), clock).await.unwrap_err().to_string();
    assert!(error.contains("is not activated on pub; `utils service activate"), "{error}");
    let error = cluster
        .perform(actor, second, &ControlService::new("CAPF", Act::Activate), clock)
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(error, "Cisco Certificate Authority Proxy Function runs on the publisher only");
    cluster.perform(actor, first, &ControlService::new("CAPF", Act::Activate), clock).await.unwrap();
    assert_eq!(state(&cluster.service_states(first).await.unwrap(), services::CAPF), Some((Run::Here, true, true)));
    let error = cluster
        .perform(actor, first, &ControlService::new("Cisco Tomcat", Act::Deactivate), clock)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("network service"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_runs_without_a_process_that_serves_the_node() {
    let mut place = Place::new("15").await;
    let states = async |place: &Place, node: &NodeRow| -> Vec<(&str, ServiceState)> {
        let all = place.cluster.what_services_do(node).await.unwrap();
        all.into_iter().map(|it| (it.service.name, it.state)).collect()
    };
    let (first, second) = (place.first.clone(), place.second.clone());
    let serving = states(&place, &first).await;
    let here =
        |states: &[(&str, ServiceState)]| states.iter().filter(|(_, s)| *s != ServiceState::RunElsewhere).count();
    assert!(serving.contains(&(services::TFTP, ServiceState::Started)), "{serving:?}");
    assert!(!serving.iter().any(|(_, state)| *state == ServiceState::NodeNotRunning));
    place.regenerate(Unit::Tomcat).await;
    let owed = place.pending().await;
    assert!(owed.contains(&"sub Cisco Tftp (tomcat of sub)".to_owned()), "{owed:?}");

    place._served.clear();
    let alone = states(&place, &first).await;
    assert_eq!(here(&alone), here(&serving));
    assert!(!alone.iter().any(|(_, state)| *state == ServiceState::Started), "{alone:?}");
    let Place { cluster, clock, actor, .. } = &mut place;
    let refused = [
        cluster.perform(actor, &second, &ControlService::new("Cisco Tftp", Act::Restart), clock).await,
        cluster.perform(actor, &second, &ControlService::new("Cisco Tftp", Act::Stop), clock).await,
        cluster.perform(actor, &second, &ControlService::new("Cisco Tftp", Act::Start), clock).await,
    ];
    let data = cluster.data().root().display();
    let text = format!("sub is not running: `ringfence serve --data {data} --node sub` starts it");
    for refused in refused {
        assert!(matches!(&refused, Err(CoreError::Refused { label: "node-not-running", text: said }) if *said == text));
    }
    let text = format!("pub is not running: `ringfence serve --data {data}` starts it");
    assert_eq!(
        cluster.perform(actor, &first, &ControlService::new("TVS", Act::Restart), clock).await.unwrap_err().to_string(),
        text
    );
    // What runs elsewhere does not need the node; and what is only noted down is noted down.
    assert!(cluster.perform(actor, &second, &ControlService::new("Cisco Tomcat", Act::Restart), clock).await.is_ok());
    let stopped = cluster
        .perform(actor, &second, &ControlService::new("Cisco Tomcat", Act::Stop), clock)
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(stopped, "Cisco Tomcat is not run by Ringfence: stop it on the call server");
    let acted = cluster.perform(actor, &first, &ControlService::new("CAPF", Act::Deactivate), clock).await.unwrap();
    assert_eq!(acted.state, ServiceState::NotActivated);
    assert_eq!(
        cluster.perform(actor, &first, &ControlService::new("CAPF", Act::Activate), clock).await.unwrap().state,
        ServiceState::NodeNotRunning
    );
    assert_eq!(place.pending().await, owed);
}
