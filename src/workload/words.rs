//! Everyday English words, each one token, with and without a space before it, in the vocabularies of GPT-2 and
//! o200k, Llama 2 and 3, Mistral Nemo, Qwen 2.5 and 3, `DeepSeek` V3, Gemma 3 and `SmolLM2`.

use std::sync::LazyLock;

/// Words for salts, fillers and the template function `words(n)`.
pub(super) const COMMON: &str = "
able about above act add after again age ago air all almost along also always among and animal another answer any
apple area arm around art ask away back ball bank bar base be beat because bed been before being below best better
between big bird black block blue board boat body book born both bottom box boy bread break build burn business but
buy call camp can car care case cat catch cause center chair change check child church city class clean clear clock
close cloud color come common company complete control cool copy corn cost could count country course cover create
cross current cut dark data day dead deal deep design did different direct do doctor does dog door double down draw
drive drop each ear early earth edge effect egg either else end energy engine enter equal even ever every example eye
face fact fair fall family far fast father field fill final find fine fire first fish fit five floor flow flower fly
follow food foot for force forest form forward found four free friend from front fruit full fun game gas general get
girl give glass go gold good got grand grass gray great green ground group had hair half hand hard has hat have he
head heart heat held help her here high hill him his history hold hole home horse hot hour house how human ice if in
inch include inside instead into iron it job join just keep key kind king know lake land language large last late law
lay lead learn leave left leg length less let letter level lie life light like line list little live long look lost
lot love low machine made main make man many map mark market may me mean member men mile mind miss money month more
most mother mouth move much music must my name nation near need never new next night no note nothing now number of off
offer office often old on once one only open or order other our out over own page pair paper parent part party pass
past path pay people perhaps person phone picture piece place plain plan plane plant play please point port position
power present press pretty price problem product program public pull push put question quick quiet race radio rain
raise ran range rate read ready real reason record red remember repeat reply rest result return rich ride right ring
rise river road rock roll room root rose round row rule run safe said same save say school sea season seat second see
seed send sent set shape share sharp she ship shop short should show side sign similar simple since sing sit six size
skill skin sleep slow small so soft some son song soon sound space special speed spot spring square stand star start
state step still stone stood stop store story stream street strong student subject such sun support surface system
table tail take talk team ten test than that the their then there these they thing think third this those though three
through time tiny to too tool top total touch town track trade train tree true try tube turn two type under unit until
up us use usual value very view voice wait walk wall war was watch water wave way we weak wear weather week weight
well went were west what wheel when where which while white who why wide will win wind window with woman wood word
work world would write wrong year yellow yes yet you your
";

/// The words, in order.
pub(super) fn common() -> &'static [&'static str] {
    static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| COMMON.split_whitespace().collect());
    &WORDS
}
