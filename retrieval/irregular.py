"""Forms of verbs that their stem does not give: "eaten" is of eat. Pure; English."""

FORMS = (
    "arise arose arisen", "bear bore borne born", "beat beaten", "become became", "begin began begun", "bind bound", "bite bit bitten",
    "blow blew blown", "break broke broken", "bring brought", "build built", "burn burnt", "buy bought", "catch caught",
    "choose chose chosen", "come came", "deal dealt", "dig dug", "draw drew drawn", "drink drank drunk", "drive drove driven",
    "eat ate eaten", "fall fell fallen", "feed fed", "feel felt", "fight fought", "find found", "fly flew flown", "forget forgot forgotten",
    "freeze froze frozen", "give gave given", "go went gone goes", "grow grew grown", "hang hung", "hear heard", "hide hid hidden",
    "hold held", "keep kept", "know knew known", "lay laid", "lead led", "leave left", "lend lent", "lie lay lain", "lose lost", "make made",
    "mean meant", "meet met", "pay paid", "ride rode ridden", "ring rang rung", "rise rose risen", "run ran", "say said", "see saw seen",
    "seek sought", "sell sold", "send sent", "shake shook shaken", "shine shone", "shoot shot", "show shown", "shrink shrank shrunk",
    "sing sang sung", "sink sank sunk", "sleep slept", "speak spoke spoken", "spend spent", "steal stole stolen", "stick stuck",
    "strike struck", "swear swore sworn", "swim swam swum", "take took taken", "teach taught", "tear tore torn", "tell told",
    "think thought", "throw threw thrown", "understand understood", "wake woke woken", "wear wore worn", "win won", "write wrote written",
)  # fmt: skip
BASE = {form: line.split()[0] for line in FORMS for form in line.split()[1:]}
