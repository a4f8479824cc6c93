"""Words of pages that state no fact about anything: titles, intros, bridges, small talk, captions.

A phrase is a little grammar: a tuple of slots, one wording of each is drawn. Slots multiply, so
that a sentence returns seldom; what states a fact stands in `grammar` and nowhere else.
"""

import random

from vision_deepresearch.worlds.generated.themes import Theme

Phrase = tuple[tuple[str, ...], ...]


def say(rng: random.Random, phrase: Phrase) -> str:
    """One wording."""
    return "".join([rng.choice(slot) for slot in phrase])


def num_wordings(phrase: Phrase) -> int:
    """In how many ways it can be said."""
    count = 1
    for slot in phrase:
        count *= len(slot)
    return count


# ------------------------------------------------------------------------------------------ titles

HEADLINES: Phrase = (
    (
        "A closer look at {name}",
        "What visitors say about {name}",
        "{name} in the spotlight again",
        "Letters to the editor: {name}",
        "From the archive: {name}",
        "Open questions about {name}",
        "A morning with {name}",
        "Why everybody talks of {name}",
        "{name}, seen from the street",
        "In brief: {name}",
        "Our readers remember {name}",
        "The week of {name}",
        "Two pages on {name}",
        "Behind the scenes: {name}",
    ),
)
THREADS: Phrase = (
    (
        "Anyone know more about {name}?",
        "{name}, looking for sources",
        "Quiz night: {name}",
        "Help with {name} please",
        "{name} - what do we know?",
        "Settle a bet about {name}",
        "Saw something on {name} today",
        "{name}: facts and fables",
    ),
)
POST_TITLES: Phrase = (
    (
        "My afternoon with {name}",
        "A postcard about {name}",
        "What I learnt about {name}",
        "Rain, tea and {name}",
        "Notes on {name}",
        "I finally looked up {name}",
        "{name}, a small obsession",
        "Things I did not know about {name}",
        "A detour for {name}",
        "Reading up on {name}",
    ),
)
PROFILE_TITLES: Phrase = (
    (
        "Portrait: {name}",
        "Five minutes on {name}",
        "Who or what is {name}?",
        "A conversation about {name}",
        "The profile: {name}",
        "Asked and answered: {name}",
        "On {name}, in questions",
        "Our portrait of the month: {name}",
    ),
)
LISTICLE_TITLES: Phrase = (
    ("{Number} {kinds} ",),
    (
        "worth a detour",
        "our readers like best",
        "for a rainy Sunday",
        "to know by name",
        "and a few words on each",
        "nobody should overlook",
        "we keep coming back to",
        "in alphabetical disorder",
        "for the beginner",
        "from our notebooks",
    ),
)
TIMELINE_TITLES: Phrase = (
    (
        "The {decade} in review",
        "What happened in the {decade}",
        "A short chronicle of the {decade}",
        "The {decade}, year by year",
        "Looking back on the {decade}",
        "Calendar of the {decade}",
    ),
)
ALBUM_TITLES: Phrase = (
    (
        "signs and surfaces",
        "a walk along the quay",
        "emblems I have met",
        "walls, hulls and posters",
        "holiday finds",
        "colours of the coast",
        "a box of old prints",
        "things with a face",
        "from three journeys",
        "seen before breakfast",
        "the second film of the summer",
        "odds and ends",
    ),
)
PHOTO_TITLES: Phrase = (
    ("an old ", "a quiet ", "a bright ", "a weathered ", "a fine ", "an odd ", "a familiar "),
    ("sight", "view", "motif", "surface", "emblem", "subject", "find", "face", "pattern"),
    (" in morning light", " after the rain", " up close", "", " on a grey day", " in colour"),
)

# ------------------------------------------------------------------------------------- articles

BRIDGES: dict[Theme, Phrase] = {
    Theme.KIND: (
        ("To begin with", "First things first", "In a word", "Put plainly", "By way of opening"),
        (", the class is easily told.", ", the matter is simple.", ", handbooks agree."),
    ),
    Theme.TIME: (
        (
            "On dates",
            "As to the years",
            "Concerning the calendar",
            "When it comes to dates",
            "In matters of chronology",
            "For the order of events",
            "Where years are concerned",
            "About when things happened",
        ),
        (
            " the papers are brief.",
            " the registers say enough.",
            " one entry may suffice.",
            " the files speak for themselves.",
            " the printed guides are short.",
            " there is a note in the margin.",
            " the chronicle keeps to the point.",
        ),
    ),
    Theme.PEOPLE: (
        (
            "Behind every entry stand people",
            "Names matter here",
            "Some persons belong to the story",
            "The human side deserves a line",
            "No account is complete without names",
            "People come into it as well",
            "A few names return again and again",
            "Persons are named in most accounts",
        ),
        (
            ".",
            ", as always.",
            ", as the records show.",
            ", and the guides list them.",
            ", whatever one thinks of them.",
            ", as readers will expect.",
        ),
    ),
    Theme.PLACE: (
        (
            "The map tells its own story",
            "Geography plays a part",
            "A look at the map helps",
            "Where things are is seldom chance",
            "The setting matters",
            "Place names recur in the files",
            "Travellers will want directions",
            "An atlas is of use here",
        ),
        (
            ".",
            ", as so often.",
            ", and more than one might think.",
            ", as every guide notes.",
            " in this entry.",
            ", for those who care to check.",
        ),
    ),
    Theme.TIES: (
        (
            "Ties to others are on record",
            "Nothing stands alone",
            "Connections are easy to trace",
            "Other names belong to the picture",
            "The entry leads on to others",
            "There are links worth following",
            "Some ties have lasted",
            "The web of relations is dense",
        ),
        (
            ".",
            ", as the files show.",
            ", and one leads to the next.",
            ", for whoever follows them.",
            ", as in most such cases.",
            " in this field.",
        ),
    ),
    Theme.FIGURES: (
        (
            "Figures complete the picture",
            "Some numbers are on record",
            "The measurements were taken with care",
            "Statistics are short but telling",
            "Numbers say the rest",
            "The tables add a figure or two",
            "Those who like figures are served",
            "Counting has been done",
        ),
        (
            ".",
            ", as the yearbook shows.",
            ", for what they are worth.",
            ", and they are often quoted.",
            ", down to the last digit.",
            " in the usual tables.",
        ),
    ),
    Theme.PAST: (
        (
            "It was not always so",
            "Things were different once",
            "Earlier arrangements are remembered",
            "Older papers tell of other times",
            "The present has a past",
            "Before that, matters stood otherwise",
            "Former years left their trace",
            "Not everything stayed as it was",
        ),
        (
            ".",
            ", as older guides show.",
            ", and some still recall it.",
            ", as the files make plain.",
            ", if one looks back.",
            ", though few remember.",
        ),
    ),
}
HEADINGS: dict[Theme, tuple[str, ...]] = {
    Theme.KIND: ("Overview", "Introduction", "At a glance"),
    Theme.TIME: ("History", "Dates", "Beginnings", "Chronology"),
    Theme.PEOPLE: ("People", "Persons", "Names"),
    Theme.PLACE: ("Location", "Place", "Setting"),
    Theme.TIES: ("Connections", "Context", "Ties"),
    Theme.FIGURES: ("Figures", "Facts and figures", "Measurements"),
    Theme.PAST: ("Earlier years", "Formerly", "The past"),
}
MIXED_HEADINGS = ("Background", "Description", "Details", "Overview", "In detail")
COMPARISON_HEADINGS = ("For comparison", "Another entry", "Elsewhere", "A neighbour")
COMPARISONS: Phrase = (
    (
        "A different entry deserves a word here",
        "Handbooks like to set another example beside it",
        "For contrast, another entry of the same chapter follows",
        "A neighbour on the shelf may be mentioned",
        "The index lists another of the same sort",
        "The next entry concerns another",
    ),
    (
        ".",
        ", in passing.",
        ", for the sake of completeness.",
        ", for the reader's convenience.",
    ),
)

LIST_INTROS: Phrase = (
    (
        "This is a list of {topic}",
        "The table holds {topic}",
        "Below are {topic}",
        "Listed here are {topic}",
        "These {topic} are on record",
        "What follows are {topic}",
    ),
    (
        " with an article of their own.",
        " that have an entry.",
        " as far as they are described.",
        ", each with its entry.",
        " known to the editors.",
    ),
)
CATEGORY_INTROS: Phrase = (
    (
        "Entries in this category",
        "Articles on {topic}",
        "All {topic}",
        "Names of {topic}",
        "Everything on {topic}",
    ),
    (" from A to Z.", " in the order of the alphabet.", ", sorted by name.", " by initial."),
)
DISAMBIGUATION_INTROS = (
    "{name} may refer to:",
    "{name} is the name of several entries:",
    "There are several entries by the name of {name}:",
    "By {name} one may mean:",
)

# ------------------------------------------------------------------------------------- other sites

NEWS_INTROS: Phrase = (
    (
        "Readers keep asking us",
        "Our reporter spent a rainy afternoon in the reading room",
        "The council published its list this week",
        "It takes a patient walker to notice such things",
        "The exhibition closes on Sunday",
        "The telephone in this office rarely rings twice for the same reason",
        "A letter reached us on Tuesday",
        "The season of anniversaries has begun",
        "The printers had a free column",
        "Not every story needs a scandal",
    ),
    (
        ", so here is what our notes say.",
        ", and one entry caught the eye.",
        ", and the queue was long.",
        ", which is reason enough for a few lines.",
        ", and the archive desk went to work.",
        ". We looked it up.",
        ". This is what we found.",
        ", and we were glad of the excuse.",
    ),
)
NEWS_CLOSINGS: Phrase = (
    ("More", "The rest", "What else there is", "A longer account", "The remainder"),
    (
        " will follow in the weekend edition.",
        " can be read in the library.",
        " must wait for another day.",
        " is in our files.",
        " is best told over coffee.",
        " we leave to our readers.",
    ),
)
AUTHORS: Phrase = (
    ("the ", "our "),
    (
        "local desk",
        "correspondent",
        "weekend team",
        "archive desk",
        "harbour reporter",
        "night editor",
        "travel desk",
        "columnist",
        "reading room editor",
        "man at the station",
    ),
)
ASIDE_HEADINGS = ("Background", "In the margin", "By the way", "Also in the news", "Box")

QUESTIONS: Phrase = (
    (
        "I am preparing a quiz",
        "Found a mention in an old notebook",
        "My grandmother told me a story",
        "Somebody left a clipping on my desk",
        "We argued about it at dinner",
        "My pupils asked and I had no answer",
        "A stamp in my album made me curious",
        "I am sorting old photographs",
    ),
    (
        " and want to be sure of my facts.",
        ", does anyone have more?",
        ", but what is actually known?",
        ". Any help is welcome.",
        " and the guide is of no use.",
        ", so please share what you have.",
        ". Sources would be nice.",
    ),
)
SOURCED: Phrase = (
    ("From", "Copied from", "As it stands in", "Quoting", "According to", "Straight out of"),
    (
        " the printed guide:",
        " the yearbook:",
        " the reading room copy:",
        " the card index:",
        " a leaflet I kept:",
        " the library volume:",
    ),
)
HEARSAY: Phrase = (
    ("Somebody", "A man", "A neighbour", "An old hand", "The barber", "A cousin of mine"),
    (
        " at the market swears:",
        " in the queue told me:",
        " says, and I believe it:",
        " has always claimed:",
        " wrote to me:",
        " heard it on the ferry:",
    ),
)
THANKS: Phrase = (
    ("Thanks", "Many thanks", "Great", "Cheers", "That helps", "Good to know"),
    (
        ", I will look it up.",
        ", case closed for me.",
        ", now I can sleep.",
        ", I owe you one.",
        ", moving on to the next riddle.",
        ". I will report back.",
    ),
)
CHATTER: Phrase = (
    ("No idea", "Never heard of it", "Following this", "Same question here", "Not my field"),
    (
        ", sorry.",
        ", but I would like to know too.",
        ", good luck.",
        ", try the reading room.",
        ", maybe the regulars can help.",
    ),
)
HANDLES: Phrase = (
    ("wick", "brass", "old", "river", "night", "paper", "copper", "tin", "north", "salt"),
    ("keeper", "_owl", "hand", "77", "_walker", "folk", "smith", "tide", "_reader", "goose"),
)

BLOG_OPENERS: Phrase = (
    (
        "I had meant to stay at home",
        "It rained all morning",
        "My tea went cold over this one",
        "I promised to write less",
        "A friend sent me a postcard",
        "The train was late again",
        "I spent too long in a second-hand shop",
        "The dog needed a walk",
        "I could not sleep",
        "There was a free chair in the library",
    ),
    (
        ", and then I read on.",
        ", so I opened the notebook.",
        ", which is how this post began.",
        ", and curiosity won.",
        ", and here we are.",
        ", so I started to look things up.",
        ", and one page led to another.",
    ),
)
BLOG_TURNS: Phrase = (
    (
        "Here is what I copied down.",
        "What I wrote on the back of my ticket:",
        "So far my notes.",
        "I underlined this twice:",
        "The part I liked best:",
        "From the guide on my shelf:",
        "I checked, as one should.",
        "This I had not known:",
        "My pencil says:",
        "One more line from the notebook:",
        "I read it aloud to the dog:",
        "The librarian showed me the page:",
        "It is all in the old guide:",
        "Copied by hand, so forgive the spelling:",
        "A small thing, but it stayed with me:",
        "What the leaflet says:",
        "Between two showers I wrote:",
        "For the record:",
        "Page forty of the guide:",
        "It took me an hour to find this:",
    ),
)
BLOG_RUMOURS: Phrase = (
    ("People", "The regulars", "Some", "The neighbours", "Two strangers", "Old hands"),
    (
        " in the tea room tell it differently:",
        " on the platform were quite sure:",
        " swear to this, I only repeat it:",
        " say so, make of it what you will:",
        " insist, over the second cup:",
        " told me, without being asked:",
    ),
)
BLOG_CLOSINGS: Phrase = (
    ("That is all", "Enough", "So much", "This is where I stop", "The kettle is singing"),
    (
        " for today.",
        "; next week I will write about hats.",
        ", until the next rainy day.",
        "; corrections by letter, please.",
        " for one evening.",
        "; thank you for reading.",
    ),
)

LISTICLE_INTROS: Phrase = (
    (
        "We asked around the office",
        "Every list is unfair",
        "Lists are for people in a hurry",
        "The editor wanted {kinds}",
        "Winter is the time for lists",
        "You asked for {kinds}",
    ),
    (
        ", and this is the result.",
        "; this one is no exception.",
        ", so we kept it short.",
        ", and nobody could agree.",
        ". The order means nothing.",
        ". Here they are.",
    ),
)
LISTICLE_NOTES: Phrase = (
    (
        "An old favourite",
        "A late addition",
        "Suggested by a reader",
        "The editor's choice",
        "Hard to leave out",
        "A quiet entry",
        "Not for everybody",
        "Our photographer insisted",
        "The longest discussion",
        "A clear winner for some",
    ),
    (
        ", and rightly so.",
        ", we admit.",
        " on this list.",
        ", as we found.",
        ", but do see for yourself.",
        ", with thanks.",
        "; letters welcome.",
    ),
)

PROFILE_INTROS: Phrase = (
    (
        "Our portrait comes in questions and answers",
        "Ten minutes, a notebook, and the usual questions",
        "The questions came from readers, the answers from the files",
        "We put the questions that everybody puts",
        "A portrait need not be long",
        "We kept the questions short",
    ),
    (
        ".",
        ", as in every issue.",
        "; we have shortened nothing.",
        ", and the answers as they came.",
        "; the rest is in the archive.",
    ),
)
PROFILE_QUESTIONS: dict[Theme, tuple[str, ...]] = {
    Theme.KIND: ("In one sentence?", "What is this about?", "How would you describe it?"),
    Theme.TIME: ("When was that?", "Which years matter?", "And the dates?"),
    Theme.PEOPLE: ("Who should be named?", "Which people belong here?", "Anybody else?"),
    Theme.PLACE: ("Where does it lead us?", "And the place?", "Where on the map?"),
    Theme.TIES: ("Which ties are there?", "What else belongs to it?", "And the connections?"),
    Theme.FIGURES: ("Any figures?", "In numbers?", "How much, how many?"),
    Theme.PAST: ("And before that?", "What was it like earlier?", "How was it once?"),
}

CATALOGUE_NOTES: Phrase = (
    (
        "The picture was taken for the catalogue",
        "Photographed in daylight",
        "Described from the object",
        "Seen by our specialist in spring",
        "The description follows the card index",
        "Entered by a volunteer",
        "Checked against the ledger",
        "Recorded at the desk",
        "The entry was typed from the card",
    ),
    (
        "; prints can be ordered at the desk.",
        "; condition as usual for its age.",
        "; viewing by appointment.",
        "; a longer report on request.",
        "; slight wear at the edges of the print.",
        "; colours may differ on your screen.",
        "; no further papers are known to us.",
        "; the card carries two stamps.",
    ),
)
SHOP_NOTES: Phrase = (
    (
        "Printed on heavy paper",
        "Made to order",
        "A handsome sheet for the hall",
        "Rolled, never folded",
        "Our printer's favourite",
        "Back in stock",
        "Sent flat between boards",
        "A popular present",
    ),
    (
        ", with a white margin.",
        " and ready in three days.",
        ", frame not included.",
        ", in two sizes.",
        "; please allow a week.",
        ", signed by nobody.",
        "; wrapped on request.",
    ),
)
SHOP_HEADINGS = ("About the motif", "What it shows", "The story behind it", "Good to know")
MIRROR_HEADINGS = (
    "Quick facts about {name}",
    "{name} explained",
    "All about {name}",
    "What you must know about {name}",
    "{name}: the essentials",
)
ARCHIVE_NOTICES: Phrase = (
    (
        "You are looking at a copy kept on {day}",
        "This copy was made on {day}",
        "Kept as found on {day}",
        "Copy of a page, taken on {day}",
        "The date of this copy is {day}",
    ),
    (
        "; the page may have changed since.",
        ", and not touched again.",
        ". Today's page may say something else.",
        "; what it says was so on that day.",
    ),
)
VAGUE_CAPTIONS: Phrase = (
    (
        "no idea what this is",
        "another one from the same trip",
        "seen on a wall",
        "untitled",
        "somebody will know",
        "the light was good",
        "could not resist",
        "before the rain came",
        "from the second roll",
    ),
    ("", ", lovely colours", ", found in a box", ", take a guess", ", for the pattern"),
)
STOCK_NOTES: Phrase = (
    (
        "Suitable for calendars",
        "Often bought for covers",
        "A useful background",
        "Scanned from a slide",
        "Sharp from edge to edge",
        "Taken without a tripod",
        "From a private collection",
    ),
    (
        ", web and print.",
        ", in three sizes.",
        "; credit the photographer.",
        ", no releases needed.",
        "; colours as taken.",
    ),
)
TIMELINE_INTROS: Phrase = (
    (
        "A decade is a shelf, not a story",
        "The archive desk has turned the pages",
        "Ten years on one page",
        "Not everything fits on a page",
        "Our chronicle is never complete",
        "From old volumes, in order",
    ),
    (
        ".",
        "; here is what we kept.",
        ", and gaps remain.",
        "; additions are welcome.",
        ", in the briefest form.",
    ),
)
