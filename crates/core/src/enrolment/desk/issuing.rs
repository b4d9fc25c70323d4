//! The certificate that a phone gets.

use cluster::rows::{DeviceRequestRow, NewLsc};
use pki::Certificate;
use pki::capf::check_public_key;
use pki::lsc::request::spki_pem;
use pki::lsc::{LscRequest, public_key_pem};
use wire::capf::{Failure, KeySpec, Refusal};

use super::{Desk, Issued, Refused, Visit};
use crate::CoreError;
use crate::enrolment::recorder::Step;
use crate::enrolment::second_key::HandedIn;
use cluster::readable::{certificate, pem_of};
use cluster::surroundings::{SERIAL_LENGTH, Surroundings};

impl Desk {
    /// Answers [`wire::capf::Question::Issue`]: puts the intent on record, signs, puts the certificate on record, and only then
    /// gives it out. With an offline CA it puts the request on record, and the answer is [`Refusal::Waits`].
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn issue(
        &self,
        visit: &mut Visit,
        public_key: &[u8],
        wanted: KeySpec,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Certificate, Refused> {
        let outcome = self.issue_known(visit, public_key, wanted, surroundings).await;
        if let Err(refused) = &outcome {
            visit.reason = Some(refused.reason.clone());
        }
        outcome
    }

    async fn issue_known(
        &self,
        visit: &mut Visit,
        public_key: &[u8],
        wanted: KeySpec,
        surroundings: &mut dyn Surroundings,
    ) -> Result<Certificate, Refused> {
        let row = self.current(visit)?.clone();
        check_public_key(public_key, wanted).map_err(|bad| Refused::failed(Failure::KeyGeneration, bad.to_string()))?;
        let authority = self.authority.load_full();
        let now = surroundings.now();
        let Some((not_before, not_after)) = authority.validity(u64::try_from(now / 1000).unwrap_or_default()) else {
            let reason = "the CAPF certificate is not valid now; regenerate it";
            return Err(Refused::failed(Failure::CaRejected, reason));
        };
        let mut serial = [0_u8; SERIAL_LENGTH];
        surroundings.random().fill(&mut serial).map_err(CoreError::from)?;
        // Positive, and not shortened by a leading zero, as all serial numbers here.
        serial[0] = (serial[0] & 0x3f) | 0x40;
        // The CUCM form of a subject takes its serial number from the MIC.
        let mic = row.mic.as_ref().map(certificate).transpose().map_err(CoreError::Unreadable)?;
        let request = LscRequest {
            device_name: &row.device,
            model: &row.model,
            mic: mic.as_ref(),
            issuer: &authority.certificate,
            public_key,
            serial: &serial,
            not_before,
            not_after,
            form: authority.profile.form,
            digest: authority.profile.digest,
        };
        let handed_in = HandedIn {
            device: row.device.clone(),
            scheduled_at: row.scheduled_at,
            key: public_key.to_vec(),
            from: visit.from(),
        };
        if authority.offline {
            let waiting = DeviceRequestRow {
                device: row.device.clone(),
                request: request.request(&authority.key).map_err(CoreError::from)?.into(),
                public_key: spki_pem(public_key),
                key_id: pki::hash::hex(&pki::hash::sha256(public_key)),
                scheduled_at: row.scheduled_at,
                created_at: now,
            };
            self.put(Step::Keep { waiting: Box::new(waiting), handed_in }, now).await?;
            return Err(Refused::new(Refusal::Waits, "its key is on record and waits for the offline CA"));
        }
        let laid_out = request.lay_out().map_err(CoreError::from)?;
        let new = NewLsc {
            device: row.device.clone(),
            serial: pki::hash::hex(&serial),
            subject: laid_out.subject_row().map_err(CoreError::from)?,
            issuer: authority.certificate.subject(pki::NameForm::Row),
            issuer_fingerprint: authority.fingerprint.clone(),
            not_before: i64::try_from(not_before).unwrap_or(i64::MAX),
            not_after: i64::try_from(not_after).unwrap_or(i64::MAX),
            to_be_signed: pki::hash::base64(laid_out.der()),
        };
        let key = cluster::rows::keys::lsc_key(&new);
        self.put(Step::Intend { new: Box::new(new), scheduled_at: row.scheduled_at }, now).await?;
        let certificate = laid_out.sign(&authority.key).map_err(CoreError::from)?;
        let step = Step::Attach {
            key: key.clone(),
            handed_in,
            pem: pem_of(&certificate).map_err(CoreError::from)?,
            fingerprint: pki::hash::hex(&certificate.sha256()),
        };
        self.put(step, now).await?;
        visit.lsc = Some(Issued { key, public_key: public_key_pem(&certificate), of_another: false });
        Ok(certificate)
    }
}
