package agreement

// State is where an application or agreement stands; the same words at both ends.
type State string

// The states of protocol.md section 1.
const (
	Draft              State = "DRAFT"
	ReqOfficeApproval  State = "REQ_OFFICE_APPROVAL"
	Submitted          State = "SUBMITTED"
	Supplement         State = "SUPPLEMENT"
	Reviewing          State = "REVIEWING"
	Extended           State = "EXTENDED"
	CounterOffered     State = "COUNTER_OFFERED"
	Resubmitted        State = "RESUBMITTED"
	ProvOfficeApproval State = "PROV_OFFICE_APPROVAL"
	Approved           State = "APPROVED"
	Verified           State = "VERIFIED"
	Provisioning       State = "PROVISIONING"
	Active             State = "ACTIVE"
	Expired            State = "EXPIRED"
	ChangeOfUse        State = "CHANGE_OF_USE"
	Suspended          State = "SUSPENDED"
	Rectifying         State = "RECTIFYING"
	Terminated         State = "TERMINATED"
	Disposal           State = "DISPOSAL"
	Closed             State = "CLOSED"
	Refused            State = "REFUSED"
	Withdrawn          State = "WITHDRAWN"
)

// States lists all states in the order of the law's way.
func States() []State {
	return []State{
		Draft, ReqOfficeApproval, Submitted, Supplement, Reviewing, Extended, CounterOffered, Resubmitted, ProvOfficeApproval, Approved,
		Verified, Provisioning, Active, Expired, ChangeOfUse, Suspended, Rectifying, Terminated, Disposal, Closed, Refused, Withdrawn,
	}
}

// Event is what moves the state.
type Event string

// The events.
const (
	AskOffice       Event = "ask_office"       // applicant: draft goes to the head of its sharing office (art. 20)
	OfficeReturns   Event = "office_returns"   // head sends the draft back
	OfficeConsents  Event = "office_consents"  // head consents: the application goes out
	StartReview     Event = "start_review"     // provider takes it up
	AskSupplement   Event = "ask_supplement"   // provider tells everything missing, once (art. 21)
	GiveSupplement  Event = "give_supplement"  // applicant supplies it
	DraftSupplement Event = "draft_supplement" // applicant: what it would supply widens the application; the head must consent (art. 20)
	AskExtension    Event = "ask_extension"    // provider's officer asks the authority for more time (art. 21)
	RefuseExtension Event = "refuse_extension" // the authority does not consent
	Extend          Event = "extend"           // provider, with the authority's consent (art. 21)
	CounterOffer    Event = "counter_offer"    // provider would share on other terms
	Resubmit        Event = "resubmit"         // applicant asks again on other terms
	AcceptOffer     Event = "accept_offer"     // applicant accepts the offer
	ProposeAnswer   Event = "propose_answer"   // provider's officer would grant
	AnswerReturned  Event = "answer_returned"  // provider's head sends the answer back
	ConsentAnswer   Event = "consent_answer"   // provider's head consents: agreement made (art. 20)
	StandingConsent Event = "standing_consent" // granted under a consent given in advance
	Verify          Event = "verify"           // applicant countersigns
	Finalize        Event = "finalize"         // provider closes the negotiation
	Provision       Event = "provision"        // data can flow (art. 22: within 20 WD)
	Refuse          Event = "refuse"           // provider, with reasons (art. 21)
	Withdraw        Event = "withdraw"         // applicant
	Expire          Event = "expire"           // the time limit of use (art. 20)
	DraftChange     Event = "draft_change"     // applicant's officer: another purpose, scope, scenario or time (art. 25)
	RequestChange   Event = "request_change"   // applicant's head consents: the change is asked for
	ProposeChange   Event = "propose_change"   // provider's officer would grant it
	GrantChange     Event = "grant_change"     // provider's head consents: the agreement is amended
	DeclineChange   Event = "decline_change"   // provider's head declines: the old terms hold
	Suspend         Event = "suspend"          // provider or authority, at once (art. 27)
	OrderRectify    Event = "order_rectify"    // with a date
	ReportRectified Event = "report_rectified" // applicant: what was put right
	Resume          Event = "resume"           //
	Terminate       Event = "terminate"        // revocation
	BeginDisposal   Event = "begin_disposal"   // art. 27
	ConfirmDisposal Event = "confirm_disposal" // destruction certificate
)

// Events lists all events.
func Events() []Event {
	return []Event{
		AskOffice, OfficeReturns, OfficeConsents, StartReview, AskSupplement, GiveSupplement, Extend, CounterOffer, Resubmit, AcceptOffer,
		ProposeAnswer, AnswerReturned, ConsentAnswer, StandingConsent, Verify, Finalize, Provision, Refuse, Withdraw, Expire, RequestChange,
		GrantChange, DeclineChange, Suspend, OrderRectify, Resume, Terminate, BeginDisposal, ConfirmDisposal,
		DraftSupplement, AskExtension, RefuseExtension, DraftChange, ProposeChange, ReportRectified,
	}
}

// Effect is what must be told to the other end after a transition.
type Effect string

// The effects: the first group are Dataspace Protocol messages, the second Kuayu's own.
const (
	None             Effect = ""
	SendRequest      Effect = "ContractRequestMessage"
	SendOffer        Effect = "ContractOfferMessage"
	SendAccepted     Effect = "ContractNegotiationEventMessage:ACCEPTED"
	SendAgreement    Effect = "ContractAgreementMessage"
	SendVerification Effect = "ContractAgreementVerificationMessage"
	SendFinalized    Effect = "ContractNegotiationEventMessage:FINALIZED"
	SendTermination  Effect = "ContractNegotiationTerminationMessage"

	TellSupplement Effect = "agreement.supplement"
	TellSupplied   Effect = "agreement.supplied"
	TellExtended   Effect = "agreement.extended"
	TellChange     Effect = "agreement.change"
	TellSuspended  Effect = "agreement.suspended"
	TellRectify    Effect = "agreement.rectify"
	TellRectified  Effect = "agreement.rectified"
	TellResumed    Effect = "agreement.resumed"
	TellTerminated Effect = "agreement.terminated"
	TellDispose    Effect = "agreement.dispose"
	TellDisposed   Effect = "agreement.disposed"

	// Ended is told to nobody: both ends know the time limit. What runs under the agreement ends with it.
	Ended Effect = "agreement.ended"
)

type arrow struct {
	to     State
	effect Effect
	once   bool // allowed a single time in the life of an application
}

type key struct {
	from State
	on   Event
}

// table is the whole machine.
func table() map[key]arrow {
	t := map[key]arrow{
		{Draft, AskOffice}:                  {to: ReqOfficeApproval},
		{ReqOfficeApproval, OfficeReturns}:  {to: Draft},
		{ReqOfficeApproval, OfficeConsents}: {to: Submitted, effect: SendRequest},

		{Submitted, StartReview}:      {to: Reviewing},
		{Submitted, AskSupplement}:    {to: Supplement, effect: TellSupplement, once: true},
		{Reviewing, AskSupplement}:    {to: Supplement, effect: TellSupplement, once: true},
		{Supplement, GiveSupplement}:  {to: Reviewing, effect: TellSupplied},
		{Reviewing, Extend}:           {to: Extended, effect: TellExtended, once: true},
		{Submitted, StandingConsent}:  {to: Approved, effect: SendAgreement},
		{Reviewing, StandingConsent}:  {to: Approved, effect: SendAgreement},
		{CounterOffered, AcceptOffer}: {to: ProvOfficeApproval, effect: SendAccepted},
		{CounterOffered, Resubmit}:    {to: Resubmitted, effect: SendRequest},

		{ProvOfficeApproval, AnswerReturned}: {to: Reviewing},
		{ProvOfficeApproval, ConsentAnswer}:  {to: Approved, effect: SendAgreement},
		{Approved, Verify}:                   {to: Verified, effect: SendVerification},
		{Verified, Finalize}:                 {to: Provisioning, effect: SendFinalized},
		{Provisioning, Provision}:            {to: Active},

		{Active, Expire}:             {to: Expired, effect: Ended},
		{Suspended, Expire}:          {to: Expired, effect: Ended},
		{Rectifying, Expire}:         {to: Expired, effect: Ended},
		{ChangeOfUse, Expire}:        {to: Expired, effect: Ended},
		{Provisioning, Expire}:       {to: Expired, effect: Ended},
		{Active, RequestChange}:      {to: ChangeOfUse, effect: TellChange},
		{ChangeOfUse, GrantChange}:   {to: Active, effect: TellChange},
		{ChangeOfUse, DeclineChange}: {to: Active, effect: TellChange},
		// Granted in time, heard of after the old limit by an applicant that could not be reached.
		{Expired, GrantChange}:    {to: Active, effect: TellChange},
		{Active, Suspend}:         {to: Suspended, effect: TellSuspended},
		{ChangeOfUse, Suspend}:    {to: Suspended, effect: TellSuspended},
		{Suspended, OrderRectify}: {to: Rectifying, effect: TellRectify},
		{Rectifying, Resume}:      {to: Active, effect: TellResumed},
		{Rectifying, Suspend}:     {to: Suspended, effect: TellSuspended},

		{Expired, BeginDisposal}:    {to: Disposal, effect: TellDispose},
		{Terminated, BeginDisposal}: {to: Disposal, effect: TellDispose},
		{Disposal, ConfirmDisposal}: {to: Closed, effect: TellDisposed},

		// Prepared by one officer, done by another, or reported: written down, and the state stays.
		{Supplement, DraftSupplement}: {to: Supplement},
		{Reviewing, AskExtension}:     {to: Reviewing},
		{Reviewing, RefuseExtension}:  {to: Reviewing},
		{Active, DraftChange}:         {to: Active},
		{ChangeOfUse, ProposeChange}:  {to: ChangeOfUse},
		{Rectifying, ReportRectified}: {to: Rectifying, effect: TellRectified},
	}
	// An answer that the head returned brings the provider back to REVIEWING without a word to the applicant, who may have
	// been told of more time, or have asked again: what can be said under review can be heard there too.
	t[key{Extended, AskSupplement}] = arrow{to: Supplement, effect: TellSupplement, once: true}
	t[key{Resubmitted, AskSupplement}] = arrow{to: Supplement, effect: TellSupplement, once: true}
	t[key{Resubmitted, Extend}] = arrow{to: Extended, effect: TellExtended, once: true}
	for _, s := range []State{Reviewing, Extended, Resubmitted} {
		t[key{s, CounterOffer}] = arrow{to: CounterOffered, effect: SendOffer}
		t[key{s, ProposeAnswer}] = arrow{to: ProvOfficeApproval}
	}
	for _, s := range []State{Submitted, Supplement, Reviewing, Extended, CounterOffered, Resubmitted, ProvOfficeApproval} {
		t[key{s, Refuse}] = arrow{to: Refused, effect: SendTermination}
		t[key{s, Withdraw}] = arrow{to: Withdrawn, effect: SendTermination}
	}
	// The Dataspace Protocol lets either side end a negotiation until it is finalized: nothing has flowed yet.
	for _, s := range []State{Approved, Verified} {
		t[key{s, Refuse}] = arrow{to: Refused, effect: SendTermination}
		t[key{s, Withdraw}] = arrow{to: Withdrawn, effect: SendTermination}
	}
	for _, s := range []State{Draft, ReqOfficeApproval} {
		t[key{s, Withdraw}] = arrow{to: Withdrawn}
	}
	for _, s := range []State{Provisioning, Active, Suspended, Rectifying, ChangeOfUse} {
		t[key{s, Terminate}] = arrow{to: Terminated, effect: TellTerminated}
	}
	return t
}

// Next is the state machine: pure, total, the same at both ends. done lists events that happened before and may happen
// only once. An event that the state does not allow is ErrTransition.
func Next(s State, e Event, done []Event) (State, Effect, error) {
	a, ok := table()[key{s, e}]
	if !ok {
		return s, None, ErrTransition.With(string(s), string(e))
	}
	if a.once {
		for _, d := range done {
			if d == e {
				return s, None, ErrTransition.With(string(s), string(e))
			}
		}
	}
	return a.to, a.effect, nil
}

// DSP is the projection to the Dataspace Protocol's negotiation states; empty before anything was sent.
func (s State) DSP() string {
	switch s {
	case Draft, ReqOfficeApproval:
		return ""
	case Submitted, Supplement, Reviewing, Extended, Resubmitted:
		return "REQUESTED"
	case CounterOffered:
		return "OFFERED"
	case ProvOfficeApproval:
		return "REQUESTED" // after an accepted offer the record says ACCEPTED
	case Approved:
		return "AGREED"
	case Verified:
		return "VERIFIED"
	case Provisioning, Active, Expired, ChangeOfUse, Suspended, Rectifying, Terminated, Disposal, Closed:
		return "FINALIZED"
	case Refused, Withdrawn:
		return "TERMINATED"
	}
	return ""
}

// Final reports whether nothing more can happen.
func (s State) Final() bool { return s == Closed || s == Refused || s == Withdrawn }
