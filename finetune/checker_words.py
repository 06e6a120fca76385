"""Words that `finetune.checker_frames` makes passages and sentences of: who, what is done, what holds, what is measured."""

from __future__ import annotations


def listed(text: str) -> list[str]:
    """What stands between bars."""
    return text.replace("\n", "").split("|")


# base, third person, participle, -ing | object
ACTIONS = tuple(
    (*forms.split(), thing)
    for forms, thing in (
        line.split("|")
        for line in """sign signs signed signing|the contract
check checks checked checking|the brakes
order orders ordered ordering|spare parts
clean cleans cleaned cleaning|the filters
open opens opened opening|the safe
close closes closed closing|the account
test tests tested testing|the samples
deliver delivers delivered delivering|the parcels
repair repairs repaired repairing|the lift
pay pays paid paying|the invoice
write writes written writing|the report
teach teaches taught teaching|the course
feed feeds fed feeding|the animals
drive drives driven driving|the van
enter enters entered entering|the laboratory
use uses used using|the microscope
keep keeps kept keeping|the keys
sell sells sold selling|the shares
prescribe prescribes prescribed prescribing|the tablets
inspect inspects inspected inspecting|the bridge
publish publishes published publishing|the results
delete deletes deleted deleting|the records
change changes changed changing|the password
lift lifts lifted lifting|the crates
start starts started starting|the turbine
replace replaces replaced replacing|the battery
remove removes removed removing|the cover
translate translates translated translating|the letter
cancel cancels cancelled cancelling|the order
extend extends extended extending|the deadline
choose chooses chosen choosing|the supplier
train trains trained training|new drivers
measure measures measured measuring|the pressure
water waters watered watering|the plants
store stores stored storing|the blood samples
export exports exported exporting|the data
borrow borrows borrowed borrowing|a laptop
reject rejects rejected rejecting|the claim
accept accepts accepted accepting|the offer
lead leads led leading|the project
plan plans planned planning|the tour
approve approves approved approving|the budget
count counts counted counting|the votes
photograph photographs photographed photographing|the paintings
park parks parked parking|lorries in the yard
sublet sublets sublet subletting|the flat
dilute dilutes diluted diluting|the cleaning agent
review reviews reviewed reviewing|the code
mix mixes mixed mixing|the paint
lock locks locked locking|the gate""".splitlines()
    )
)
# Who acts: one of them, or several.
ONE = listed("""the nurse|the landlord|the tenant|the auditor|the captain|the driver|the treasurer|the caretaker|the head teacher|
the buyer|the seller|the operator|the pharmacist|the judge|the trainee|the supervisor|the site manager|the insurer|
the customer|the librarian|the chief engineer|the secretary|the owner|the doctor on duty|the project lead|the registrar|
the foreman|the notary|the chair|the shift leader""")
MANY = listed("""visitors|members|pupils|guests|employees|contractors|students|residents|interns|patients|passengers|volunteers|
part-time staff|freelancers|new customers|trainees|pensioners|lorry drivers|researchers|shareholders""")
PEOPLE = listed("""Anna Lindqvist|Omar Haddad|Mei Tanaka|Paulo Reis|Greta Holm|Ivan Petrov|Ruth Adler|Samuel Osei|Elif Demir|
Jonas Berg|Carla Moretti|David Kim|Nadia Rahman|Hugo Laurent|Ines Castillo|Tomas Novak""")
THINGS = listed("""model A3|model B7|the Falcon|the Heron|the small press|the large press|pump P1|pump P2|the Orion tablet|
the Vega tablet|the Basic plan|the Premium plan|route 12|route 40|the northern plant|the southern plant|the old server|
the new server|the copper cable|the glass cable|the summer course|the winter course|fund Alpha|fund Beta|clinic East|
clinic West|the red line|the green line|the wooden hall|the stone hall|sensor T4|sensor T9""")
PLACES = listed("Lisbon|Kraków|Oslo|Lyon|Ghent|Turin|Bergen|Porto|Graz|Malmö|Leeds|Basel|Nairobi|Osaka|Quito|Perth")
MONTHS = listed("January|February|March|April|May|June|July|August|September|October|November|December")
DAYS = listed("Mondays|Tuesdays|Wednesdays|Thursdays|Fridays|Saturdays|Sundays")
# What an amount says of a thing: verb with {n}, noun for it, unit, comparative up, comparative down, low, high.
MEASURES = (
    ("weighs {n} kg", "the weight of", "kg", "heavier", "lighter", 3, 90),
    ("costs {n} euros", "the price of", "euros", "more expensive", "cheaper", 5, 900),
    ("takes {n} days", "the duration of", "days", "slower", "faster", 2, 60),
    ("holds {n} litres", "the volume of", "litres", "larger", "smaller", 10, 400),
    ("is {n} metres long", "the length of", "metres", "longer", "shorter", 3, 80),
    ("uses {n} watts", "the power of", "watts", "more power-hungry", "more economical", 20, 900),
    ("runs at {n} degrees", "the temperature of", "degrees", "hotter", "cooler", 20, 90),
    ("has {n} seats", "the number of seats of", "seats", "larger", "smaller", 12, 300),
    ("lasts {n} hours", "the life of", "hours", "longer-lasting", "shorter-lived", 3, 70),
    ("serves {n} customers", "the number of customers of", "customers", "busier", "quieter", 30, 900),
    ("pays {n} percent interest", "the interest of", "percent", "better-paying", "worse-paying", 1, 9),
)
# Holds, does not hold, as a noun phrase with "with" and "without".
CONDITIONS = (
    ("the alarm is switched off", "the alarm is switched on", "the alarm switched off"),
    ("a second person is present", "nobody else is present", "a second person present"),
    ("the manager has agreed in writing", "the manager has not agreed", "the manager's written agreement"),
    ("the fee has been paid", "the fee has not been paid", "the fee paid"),
    ("the temperature is below 30 degrees", "the temperature is above 30 degrees", "a temperature below 30 degrees"),
    ("they have passed the safety test", "they have failed the safety test", "a passed safety test"),
    ("the form was handed in on time", "the form was handed in late", "a form handed in on time"),
    ("the patient is over 18", "the patient is under 18", "a patient over 18"),
    ("there is no frost", "there is frost", "no frost"),
    ("the goods are undamaged", "the goods are damaged", "undamaged goods"),
    ("both parties consent", "one party objects", "the consent of both parties"),
    ("the board has a quorum", "the board has no quorum", "a quorum of the board"),
    ("the device is unplugged", "the device is plugged in", "the device unplugged"),
    ("the loan runs for more than five years", "the loan runs for less than five years", "a loan of more than five years"),
    ("a doctor has prescribed it", "no doctor has prescribed it", "a doctor's prescription"),
)  # fmt: skip
# More of it, less of it.
CHANGES = (
    ("rose", "fell", "increased", "decreased", "went up", "went down", "grew", "shrank", "higher", "lower"),
    ("climbed", "dropped", "increased", "decreased", "became larger", "became smaller", "went up", "declined", "more", "less"),
)  # fmt: skip
GROUPS = listed(
    "houses|farmers|buses|shops|samples|patients|engines|schools|letters|ships|readers|contracts|trees|machines|loans"
)
STATES = (
    ("are insured", "not insured"), ("were damaged", "not damaged"), ("are older than ten years", "newer than ten years"),
    ("pass the test", "fail the test"), ("use electricity", "do without electricity"), ("arrive late", "arrive on time"),
    ("need a permit", "need no permit"), ("are owned by the city", "in private hands"), ("recover quickly", "recover slowly"),
)  # fmt: skip
EVENTS = (
    "the river flooded the cellar", "the supplier went bankrupt", "a cable had broken", "the staff were on strike",
    "the permit had expired", "a storm closed the harbour", "the sensor was dirty", "the court changed its view",
    "the price of steel rose", "two engineers fell ill", "the software was out of date", "the demand fell",
)  # fmt: skip
RESULTS = (
    "the opening was postponed", "the factory stood still", "the concert was cancelled", "the trial began late",
    "the flight was diverted", "the rent was raised", "the test was repeated", "the train was delayed",
    "the delivery came late", "the plant was sold", "the contract was ended", "the dose was lowered",
)  # fmt: skip
STEPS = (
    ("switch off the pump", "switching off the pump"), ("drain the oil", "draining the oil"), ("warm up the engine", "warming up the engine"),
    ("wash the wound", "washing the wound"), ("sign the consent form", "signing the consent form"), ("save the file", "saving the file"),
    ("close the valve", "closing the valve"), ("open the hatch", "opening the hatch"), ("add the salt", "adding the salt"),
    ("weigh the parcel", "weighing the parcel"), ("inform the police", "informing the police"), ("change the filter", "changing the filter"),
    ("pay the deposit", "paying the deposit"), ("lock the door", "locking the door"), ("take a blood sample", "taking a blood sample"),
)  # fmt: skip
# What one does to another, and it is not mutual: present, participle.
RELATIONS = (
    ("informs", "informed"), ("pays", "paid"), ("appoints", "appointed"), ("supervises", "supervised"), ("replaces", "replaced"),
    ("represents", "represented"), ("insures", "insured"), ("examines", "examined"), ("invites", "invited"), ("elects", "elected"),
    ("trains", "trained"), ("succeeds", "succeeded"), ("employs", "employed"), ("sues", "sued"), ("advises", "advised"),
    ("calls", "called"), ("selects", "selected"), ("overrules", "overruled"), ("dismisses", "dismissed"), ("assists", "assisted"),
)  # fmt: skip
# The same for things.
INFLUENCES = (
    ("controls", "controlled"), ("feeds", "fed"), ("cools", "cooled"), ("replaces", "replaced"), ("blocks", "blocked"), ("drives", "driven"),
    ("protects", "protected"), ("supplies", "supplied"), ("follows", "followed"), ("covers", "covered"), ("heats", "heated"), ("stops", "stopped"),
)  # fmt: skip
