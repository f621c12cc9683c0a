//! Everyday English words: short, and one token with the space before them in nearly every vocabulary.

/// Words for salts, fillers and the template function `words(n)`.
pub(super) const COMMON: &str = "
able about above across act add after again age ago air all almost along also always among and animal another answer
any apple area arm around art ask away back ball bank bar base be bear beat because bed been before began behind being
below best better between big bird black block blood blue board boat body book born both bottom box boy bread break
bring brother brown build burn business busy but buy call came camp can car care carry case cat catch cause center
certain chair chance change check child choose church city class clean clear climb clock close clothes cloud coast
cold color come common company complete control cook cool copy corn corner cost could count country course cover
create cross cry current cut dance dark data day dead deal dear death deep desert design did different direct do
doctor does dog door double down draw dream dress drink drive drop dry during each ear early earth ease east eat edge
effect egg eight either else end energy engine enjoy enough enter equal even evening ever every exact example eye face
fact fair fall family famous far farm fast father fear feel feet few field fight fill final find fine finger finish
fire first fish fit five floor flow flower fly follow food foot for force forest form forward found four free fresh
friend from front fruit full fun game garden gas gave general get girl give glad glass go gold gone good got govern
grand grass gray great green ground group grow had hair half hand happen happy hard has hat have he head hear heart
heat heavy held help her here high hill him his history hold hole home hope horse hot hour house how huge human
hundred hunt hurry ice idea if imagine in inch include industry inside instead into iron island it job join just keep
key kind king knew know lady lake land language large last late laugh law lay lead learn least leave left leg length
less let letter level lie life lift light like line list listen little live long look lost lot loud love low machine
made main make man many map mark market matter may me mean measure meat meet member men might mile milk mind minute
miss money month moon more morning most mother mountain mouth move much music must my name nation nature near neck
need never new next night nine no noise north nose note nothing notice now number ocean of off offer office often oil
old on once one only open or order other our out over own page paint pair paper parent part party pass past path pay
people perhaps person phone picture piece place plain plan plane plant play please point poor port position possible
power present press pretty price problem produce product program proper provide public pull push put question quick
quiet quite race radio rain raise ran range rate reach read ready real reason receive record red remember repeat reply
rest result return rich ride right ring rise river road rock roll room root rope rose round row rule run safe said
sail salt same sand save saw say school science sea season seat second see seed seem sell send sense sent serve set
settle seven several shade shall shape share sharp she ship shoe shop short should shoulder show side sight sign
silent silver similar simple since sing sister sit six size skill skin sleep slow small smell smile snow so soft soil
some son song soon sound south space speak special speed spend spoke spot spring square stand star start state stay
steel step still stone stood stop store story straight strange stream street strong student study subject such sudden
sugar summer sun supply support sure surface surprise sweet swim system table tail take talk tall teach team tell ten
test than thank that the their them then there these they thick thin thing think third this those though thought
thousand three through time tiny to together told tone too took tool top total touch toward town track trade train
travel tree trip trouble true try tube turn twenty two type under unit until up us use usual valley value very view
village visit voice wait walk wall want war warm was wash watch water wave way we weak wear weather week weight well
went were west what wheel when where which while white who whole why wide wife wild will win wind window winter wish
with woman wonder wood word work world would write wrong year yellow yes yet you young your
";

/// The words, in order.
pub(super) fn common() -> Vec<&'static str> {
    COMMON.split_whitespace().collect()
}
