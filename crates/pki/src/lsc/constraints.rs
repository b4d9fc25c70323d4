//! What the CAs above a certificate were allowed to sign: the length of the path (RFC 5280 4.2.1.9) and the names (4.2.1.10), over as
//! much of the chain as is known. A CA that is not there says nothing.

use der::Decode;
use der::asn1::ObjectIdentifier;
use openssl::error::ErrorStack;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509CheckFlags, X509VerifyFlags};
use openssl::x509::{X509, X509StoreContext, X509VerifyResult};
use x509_cert::ext::pkix::BasicConstraints;

use crate::certificate::Certificate;
use crate::name::NameForm;
use crate::profile::BASIC_CONSTRAINTS;

const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");

/// Whether the CAs above a certificate may vouch for it. `above` is its chain, its issuer first
/// ([`chain_above`](super::authority::chain_above)).
///
/// # Errors
/// A sentence: which CA forbids it.
pub fn check_constraints(certificate: &Certificate, above: &[&Certificate]) -> Result<(), String> {
    // Self-issued CAs, which replace a key, do not count (RFC 5280 6.1.4 l).
    let mut below = 0_usize;
    for ca in above {
        if path_length(ca).is_some_and(|most| usize::from(most) < below) {
            let name = ca.subject(NameForm::Cucm);
            return Err(format!("{name} may have no chain of {below} more CAs below it (pathlen)"));
        }
        below += usize::from(!ca.is_self_issued());
    }
    if above.iter().any(|ca| ca.extension(NAME_CONSTRAINTS).is_some()) {
        return check_names(certificate, above);
    }
    Ok(())
}

fn path_length(ca: &Certificate) -> Option<u8> {
    BasicConstraints::from_der(ca.extension(BASIC_CONSTRAINTS)?).ok()?.path_len_constraint
}

/// Lets OpenSSL verify the chain, with the topmost CA as the one that is trusted. Whatever it finds counts, so that no other fault hides a
/// name: CAs with constraints are not as old as those with whose faults phones live. Dates are looked at elsewhere.
fn check_names(certificate: &Certificate, above: &[&Certificate]) -> Result<(), String> {
    let verified = verify(certificate, above);
    match verified {
        Ok(X509VerifyResult::OK) => Ok(()),
        Ok(fault) => {
            let constrained = above.iter().filter(|ca| ca.extension(NAME_CONSTRAINTS).is_some());
            let names: Vec<String> = constrained.map(|ca| ca.subject(NameForm::Cucm)).collect();
            Err(format!(
                "{} may not vouch for this name (name constraints): {}",
                names.join(", "),
                fault.error_string()
            ))
        }
        Err(error) => Err(format!("its chain with name constraints cannot be checked: {error}")),
    }
}

fn verify(certificate: &Certificate, above: &[&Certificate]) -> Result<X509VerifyResult, ErrorStack> {
    let read = |certificate: &Certificate| X509::from_der(certificate.der());
    let mut store = X509StoreBuilder::new()?;
    let mut between = Stack::new()?;
    if let Some((top, others)) = above.split_last() {
        store.add_cert(read(top)?)?;
        for ca in others {
            between.push(read(ca)?)?;
        }
    }
    let flags = X509VerifyFlags::PARTIAL_CHAIN | X509VerifyFlags::NO_CHECK_TIME | X509VerifyFlags::IGNORE_CRITICAL;
    store.set_flags(flags)?;
    let mut names = openssl::x509::verify::X509VerifyParam::new()?;
    // A CN is the name of a device, not of a host.
    names.set_hostflags(X509CheckFlags::NEVER_CHECK_SUBJECT);
    store.set_param(&names)?;
    let store = store.build();
    let own = read(certificate)?;
    let mut context = X509StoreContext::new()?;
    context.init(&store, &own, &between, |context| {
        context.verify_cert()?;
        Ok(context.error())
    })
}
