"""How a teacher's thoughts are worded: many ways to say each thing. Placeholders in braces.

A thought is put together of a finding for each thing just read, what did not work, and a plan; the
plan is a reason and an action. So a few dozen ways here give thousands of thoughts.
"""

SEEN = (
    "The crop leads to {name}: that is what stands in {handle}.",
    "A matching picture is captioned {name}, so I take the thing in {handle} to be {name}.",
    "{name} it is: the hit for that region shows the same thing.",
    "Good, the region is recognised. It is {name}.",
    "One of the hits shows the same design as the crop; its page is about {name}.",
    "Comparing crop and hit, they agree: {name}.",
    "That region belongs to {name}, going by the matched page.",
    "So what I cropped is {name}.",
    "The best match for the box is {name}, and nothing in the picture speaks against it.",
    "I can name it now: {name}.",
    "The image search knows this one. It is {name}.",
    "Its page is the first convincing hit: {name}.",
)
READ = (
    "The page says that for {subject}, {label}: {value}.",
    "{subject} - {label}: {value}. That is stated outright.",
    "I have it: {value} ({subject}, {label}).",
    "According to the page, {value} is what I was after ({label}, {subject}).",
    "On {subject} it reads: {label} {value}.",
    "For {subject} the entry gives {value} as {label}.",
    "{value}, then - that is the {label} part for {subject}.",
    "Reading the passage on {subject}: {label} - {value}.",
    "The evidence names {value} ({label}) for {subject}.",
    "So {subject} is settled as far as {label} goes: {value}.",
    "It states {value} where it speaks of {label}; the subject is {subject}.",
    "{subject}: {label} {value}. One step further.",
)
PHOTO = (
    "The article lists a picture without any caption, {handle}; what it shows is not said.",
    "Here it is: {handle}, a photo that the page says nothing about.",
    "No caption and no helpful file name, so {handle} must be the photo that is meant.",
    "Among the pictures of the page, {handle} is the one without words.",
    "The page names {handle} without a caption. That is the photo to look at.",
    "{handle} stands there unexplained; the text will not tell me what it shows.",
    "One picture of this page, {handle}, has no caption at all.",
    "The text is no help with {handle}: an uncaptioned photo, as the question has it.",
)
VIEW = (
    "Before I can frame anything, I need to see {handle} as a whole.",
    "First I look at all of {handle}.",
    "I have only the name {handle} so far; let me see the picture.",
    "Time to look at {handle} itself.",
    "Reading does not help here, so I open {handle} and look.",
    "What does {handle} show? I view it in full.",
    "I view {handle} once without cropping, to find the place that is meant.",
    "Let me see {handle} before I crop.",
)
REPAIRS = {
    "brighten": "brightening it",
    "denoise": "taking the noise out",
    "sharpen": "sharpening it",
    "rotate_90": "turning it by a quarter",
    "rotate_180": "turning it upside down",
    "rotate_270": "turning it back by a quarter",
}
"""What the tool calls a repair -> how it is said."""
REPAIR = (
    "The quality of {handle} may be to blame; I try {how}.",
    "Before I crop again, {how} could help: {handle} is in a bad state.",
    "{handle} is damaged, which a search will not forgive. I start by {how}.",
    "I suspect that {handle} itself is the trouble. Let me see what {how} does.",
    "As it is, {handle} is a poor query. I have it repaired by {how}.",
    "No wonder, given the state of {handle}. First {how}, then another look.",
    "A cleaner version of {handle} should match better, so: {how}.",
    "I would rather search with a repaired {handle}; {how} seems right.",
)
FAILED_LOOK = (
    "None of these hits shows what I cropped.",
    "The crops brought up lookalikes only.",
    "No hit here is convincing.",
    "These matches are merely similar, not the same thing.",
    "That framing did not find it.",
    "The results are about other things.",
    "Nothing recognisable came back for that region.",
    "The search seems to have been distracted by the surroundings.",
)
FAILED_SEARCH = (
    "None of these pages is about what I need.",
    "The hits drift off to other subjects.",
    "That query was too vague.",
    "The list does not hold the page I am after.",
    "These results do not answer it.",
    "Not helpful: the wording pulled in unrelated pages.",
    "I see no hit that settles it.",
    "The query missed.",
)
FAILED_READ = (
    "The page does not state it.",
    "That page leaves the point open.",
    "I do not find the statement there.",
    "No luck on this page.",
    "The passage is about something else.",
    "It is not said there in so many words.",
)
WHY_LOOK = (
    "The question turns on something in the picture.",
    "Before anything else I need to know what is shown.",
    "There is a lot in this picture, so I go region by region.",
    "The whole picture would only bring up the scene, not the thing.",
    "I should identify the thing that is asked about.",
    "What matters here is a detail of the picture.",
    "Names are not given, so the picture has to supply them.",
    "A close look at the right region comes first.",
    "The answer hangs on recognising the right thing.",
    "Let me find out what I am looking at.",
)
LOOK = (
    "I crop {boxes} of {handle} and search with {scales}.",
    "I search {handle} with {boxes}, {scales}.",
    "{Boxes} of {handle} go to image search, {scales}.",
    "I cut out {boxes} from {handle} and look them up, {scales}.",
    "A reverse image search with {boxes} of {handle} should tell, {scales}.",
    "I take {boxes} in {handle}, {scales}, and see what matches.",
    "My next step: {boxes} from {handle}, {scales}.",
    "Image search on {boxes} of {handle}, {scales}.",
)
WHY_LOOK_AGAIN = (
    "A different framing may help.",
    "Less or more of the surroundings can change the hits a lot.",
    "I try again with another crop.",
    "Another scale is worth a try.",
    "The box may have been too generous or too tight.",
    "I am not giving up on the picture yet.",
)
WHY_SEARCH = (
    "Next I need: {wanted}.",
    "The question goes on to this: {wanted}.",
    "What is missing now: {wanted}.",
    "That leaves open: {wanted}.",
    "The chain continues with {wanted}.",
    "From here I have to find out: {wanted}.",
    "Now for the next link: {wanted}.",
    "Still to be found: {wanted}.",
    "The next piece is {wanted}.",
    "I turn to the next point, {wanted}.",
)
SEARCH = (
    "I search for {query}.",
    "A text search for {query} should list the page.",
    "Query: {query}.",
    "Let me look for {query}.",
    "I ask the search engine for {query}.",
    "Searching {query}.",
    "I try the words {query}.",
    "My query is {query}.",
)
REWORD = (
    "I reword it to {query}.",
    "A more direct query: {query}.",
    "Better to name it outright: {query}.",
    "I put it differently: {query}.",
    "Another wording, {query}, may do.",
    "Let me be more specific: {query}.",
    "Once more, with {query}.",
    "I rephrase: {query}.",
)
WHY_VISIT = (
    "One of the hits should say it.",
    "The page itself will be clearer than the snippet.",
    "I would rather read it at the source.",
    "A snippet is not enough to go by.",
    "This looks like the page to read.",
    "The right page is on the list.",
    "Let me verify it on the page.",
    "The hit is promising.",
)
WHY_FOLLOW = (
    "The page has a link for that.",
    "A link leads straight there.",
    "I follow the link.",
    "There is an entry of its own, linked from here.",
    "The next page is one link away.",
    "That has its own page, so I go on to it.",
    "The address stands on the page I just read.",
    "From here it is only a click.",
)
WHY_REREAD = (
    "I read it once more, with another point in mind.",
    "There may be more further down.",
    "A second reading, worded otherwise, may bring it up.",
    "It is a long page, so I ask it again.",
)
WHY_BACK = (
    "I had come across a page of its own before.",
    "An earlier result already gave me its page.",
    "The page turned up further above, so I use that.",
    "I go back to a page that was listed before.",
    "Its own page was among the earlier results.",
    "I know an address for it already.",
    "I remember a result from before that should do.",
    "A page seen earlier fits better.",
)
VISIT = (
    "I open {host} for {wanted}.",
    "I read the page on {host}, looking for {wanted}.",
    "I visit it ({host}) with one goal: {wanted}.",
    "Reading {host} now: {wanted}.",
    "The page at {host} should state {wanted}.",
    "I go to {host} and check {wanted}.",
    "On {host} I look for {wanted}.",
    "I fetch the page from {host} to see {wanted}.",
)
ANSWER = (
    "That answers the question: {answer}.",
    "So the answer is {answer}.",
    "Every link is in place, and it ends at {answer}.",
    "With that, {answer} is the answer.",
    "The chain closes: {answer}.",
    "Nothing is left open; I answer {answer}.",
    "I am confident now: {answer}.",
    "All steps were read on pages. Answer: {answer}.",
    "Putting it together gives {answer}.",
    "{answer} is what was asked for.",
    "This settles the matter - {answer}.",
    "I can answer: {answer}.",
)
CHOSEN = (
    "Comparing them, it is {value}.",
    "Of these, {value} is the one that fits.",
    "Side by side, the choice falls on {value}.",
    "That singles out {value}.",
    "So the condition picks {value}.",
    "The comparison comes out for {value}.",
)
GAVE_UP = (
    "I have run out of ways to find it.",
    "I tried what I could; the pages do not say.",
    "I cannot establish it from what I found.",
)

WHY_VERIFY = (
    "That gives me a candidate: {value}. I want it from a second place.",
    "{value} looks right, but it rests on one page so far.",
    "Before I commit to {value} I check it against another source.",
    "So the answer would be {value}. One page can be wrong, hence another search.",
    "{value} - I would rather see that said somewhere else as well.",
    "My candidate is {value}; an independent hit would make it safe.",
    "I do not stop at the first page that says {value}.",
    "To be sure of {value}, I look for it from the other end.",
)
VISIT_TO_VERIFY = (
    "This hit is a different page on the same subject; I open it on {host} to compare.",
    "I open the one on {host}: does it agree?",
    "The result on {host} is not the page I had before. I compare.",
    "A second opinion, from {host}.",
    "I read what {host} has on it and compare.",
    "The snippet does not settle it, the page on {host} may.",
)
STILL_UNSURE = (
    "No second source in that list.",
    "These hits neither confirm nor contradict it.",
    "Nothing independent so far.",
    "That did not bring another page that says it.",
    "I see nothing there that settles it.",
)
CONFIRMED = (
    "Confirmed: {host} gives {value} for {subject} as well.",
    "{host} agrees - {subject}, {label}: {value}.",
    "A second page, on {host}, says {value} too.",
    "The check holds. {value} stands on {host} too, with {subject}.",
    "Both sources have {value} for {subject}; the second is on {host}.",
    "Independent of the first page, {host} has {value} ({subject}, {label}).",
)
