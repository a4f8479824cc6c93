"""The words and patterns from which names of things are put together, by type and kind.

A pattern is text with holes: `{root}` is a new word of one of the peoples; `{family}`, `{town}` and
`{river}` are names in use in the world; `{noun}` comes from the kind's own words; the rest from
`WORDS`. Every list holds a pattern with a `{root}`: the others run out in large worlds.
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().split("\n"))


WORDS = {
    "adj": _words(
        "Silver Amber Quiet Northern Scarlet Hollow Patient Golden Drifting Wandering Pale Crooked "
        "Copper Distant Velvet Restless Emerald Hidden Broken Gentle Burning Frozen Violet Ivory "
        "Sleepless Crimson Weathered Azure Lonely Radiant Tidal Ashen Humble Fearless Merry Sable"
    ),
    "creature": _words(
        "Heron Petrel Otter Kestrel Lantern Meridian Compass Swallow Tern Dolphin Osprey Curlew "
        "Albatross Gannet Plover Marten Falcon Beacon Mariner Voyager Pilgrim Sparrow Dunlin Skua"
    ),
    "subject": _words(
        "Orchard Harbour Staircase Lighthouse Carnival Bridge Window Procession Mill Vineyard "
        "Courtyard Choir Snowfield Viaduct Causeway Quarry Watchtower Regatta Moth Granary Ferry "
        "Wedding Thunderstorm Balcony Market Archway Cellar Hayfield Fountain Departure"
    ),
    "person": _words(
        "Ferryman Gardener Clockmaker Astronomer Cartographer Beekeeper Glassblower Fishwife "
        "Weaver Baker Organist Lamplighter Cooper Miller Signalman Stonecutter Physician Notary"
    ),
    "plural": _words(
        "Weavers Fishwives Sisters Bakers Swans Lanterns Bells Rooftops Chimneys Gulls Anchors "
        "Horses Cousins Candles Umbrellas Apples Islands Letters Mirrors Oarsmen"
    ),
    "object": _words(
        "Mandolin Compass Barometer Lantern Teapot Key Mask Concertina Sextant Ladder Globe Fan "
        "Spyglass Violin Candlestick Bicycle Telescope Basket"
    ),
    "colour": _words("Grey Ochre Blue Vermilion Green White Umber Rose Black Indigo"),
    "season": _words("Winter Spring Summer Autumn Twilight Rain Frost Moonlight"),
    "number": _words("Two Three Four Five Six Seven Nine Twelve"),
    "relative": _words("Daughter Apprentice Widow Brother Secret Rival Inheritance Dog Almanac"),
    "topic": _words(
        "Bookbinding Beekeeping Navigation Surveying Glassmaking Gardening Telegraphy Baking "
        "Carpentry Weaving Clockmaking Printing Mountaineering Fishing"
    ),
    "field": _words("Chemistry Letters Engineering Music Botany Architecture Medicine Painting"),
    "letter": _words("A B C D E F G H K L M P R S T V"),
    "digits": tuple(str(number) for number in range(11, 990, 3)),
}

ORGANISATION_NOUNS = {
    "shipyard": ("Shipyard", "Shipbuilding Works", "Slipways"),
    "brewery": ("Brewery", "Brewing Company"),
    "publishing house": ("Press", "Publishing House", "Editions"),
    "academy": ("Academy", "College"),
    "conservatory": ("Conservatory", "School of Music"),
    "institute": ("Institute", "Polytechnic"),
    "trading house": ("Trading House", "Merchants"),
    "glassworks": ("Glassworks", "Glass Company"),
    "railway company": ("Railway", "Light Railway", "Transport Company"),
    "football club": ("Rovers", "Athletic Club"),
    "bank": ("Savings Bank", "Mutual Bank"),
    "instrument maker": ("Instruments", "Organ Works"),
    "manufactory": ("Manufactory", "Provision Works", "Household Goods"),
    "locomotive works": ("Engine Works", "Carriage Works", "Rolling Stock Company"),
    "learned society": ("Society of Letters", "Scientific Society", "Philosophical Society"),
}
ORGANISATION_PATTERNS = (
    "{root} {noun}",
    "{root} {noun}",
    "{root} and {family} {noun}",
    "{family} {noun}",
    "{family} Brothers {noun}",
    "{town} {noun}",
    "{town} United {noun}",
    "{river} Valley {noun}",
    "{adj} {creature} {noun}",
    "Old {root} {noun}",
    "Royal {noun} of {root}",
    "{object} and {creature} {noun}",
)

BUILDING_NOUNS = {
    "museum": ("Museum", "Collection House"),
    "gallery": ("Gallery", "Kunsthall"),
    "theatre": ("Theatre", "Playhouse"),
    "town hall": ("Hall", "Guildhall"),
    "library": ("Library", "Reading Rooms"),
    "observatory": ("Observatory",),
    "tower": ("Tower", "Campanile"),
    "palace": ("Palace", "Manor"),
}
BUILDING_PATTERNS = (
    "{root} {noun}",
    "{root} {noun}",
    "{family} {noun}",
    "{family} Memorial {noun}",
    "{noun} of Saint {root}",
    "{adj} {noun} of {root}",
    "{river} {noun}",
    "{adj} {object} {noun}",
    "New {root} {noun}",
    "{noun} of the {plural}",
)

EVENT_NOUNS = {
    "regatta": ("Regatta", "Rowing Week", "Boat Race"),
    "fair": ("Spring Fair", "Book Fair", "Harvest Fair"),
    "festival": ("Lantern Festival", "Song Festival", "Kite Festival"),
    "biennale": ("Biennale", "Print Triennial", "Poster Biennale"),
    "marathon": ("Marathon", "Hill Race", "Night Run"),
}
EVENT_PATTERNS = (
    "{root} {noun}",
    "{root} {noun}",
    "{family} {noun}",
    "{river} {noun}",
    "{adj} {creature} {noun}",
    "Great {root} {noun}",
    "{noun} of the {plural}",
)

ARTWORK_PATTERNS = _lines(
    """
    The {adj} {person}
    The {adj} {subject}
    {person} with {object}
    {subject} in {season}
    Study in {colour} and {colour}
    The {person}'s {relative}
    {number} {plural}
    {plural} by the {subject}
    {subject} and {object}
    The Dream of {root}
    Saint {root} with the {plural}
    Homage to {root}
    {adj} {plural}
    {colour} {subject}
    The Last {subject} of {season}
    Still Life with {object} and {object}
    """
)
VESSEL_PATTERNS = _lines(
    """
    {adj} {creature}
    {adj} {creature}
    {creature} of {root}
    Star of {town}
    Lady {root}
    Spirit of {root}
    {family} Pioneer
    Queen of the {river}
    Saint {root}
    {root}
    {colour} {creature}
    Captain {family}
    """
)
VESSEL_PREFIXES = {
    "ferry": "MV",
    "cargo ship": "MV",
    "research vessel": "RV",
    "schooner": "SV",
    "icebreaker": "IB",
}

PRODUCT_NOUNS = {
    "brand of tea": ("Tea", "Leaf", "Breakfast Tea"),
    "brand of biscuits": ("Biscuits", "Wafers", "Rusks"),
    "brand of soap": ("Soap", "Flakes"),
    "brand of lemonade": ("Lemonade", "Fizz"),
    "brand of tinned fish": ("Sardines", "Herrings"),
    "brand of ink": ("Ink", "Writing Fluid"),
    "brand of chocolate": ("Chocolate", "Pralines"),
    "brand of coffee": ("Coffee", "Roast"),
}
PRODUCT_PATTERNS = _lines(
    """
    {root}'s Best
    {root} {noun}
    {root} Gold Label
    {family}'s Finest {noun}
    {adj} {creature} {noun}
    {number} {plural} {noun}
    Old {root} {noun}
    {town} Original
    {root}
    Aunt {root}'s {noun}
    {colour} {object} {noun}
    Doctor {family}'s {noun}
    """
)

SPECIES_NOUNS = {
    "bird": _words("Finch Warbler Heron Plover Thrush Wren Owl Bunting Grebe Shrike Lark"),
    "butterfly": _words("Fritillary Swallowtail Skipper Ringlet Emperor Hairstreak Admiral"),
    "fish": _words("Perch Trout Bream Goby Char Loach Roach Pike Minnow"),
    "flower": _words("Orchid Bellflower Primrose Saxifrage Lily Gentian Poppy Mallow"),
    "beetle": _words("Longhorn Ladybird Weevil Chafer Firefly Stag-beetle Scarab"),
}
SPECIES_PATTERNS = _lines(
    """
    {root} {noun}
    {root} {noun}
    {adj} {noun}
    {family} {noun}
    {river} {noun}
    {colour}-spotted {root} {noun}
    Lesser {root} {noun}
    Great {adj} {noun}
    {adj} {season} {noun}
    """
)
GENUS_ENDINGS = _words("us a is ia ornis ella idium ax")
EPITHET_ENDINGS = _words("ensis ii orum ata inus osa icola")

BOOK_PATTERNS = {
    "novel": _lines(
        """
        The {person}'s {relative}
        A Winter in {root}
        What the {person} Knew
        The House of {root}
        {number} {plural} for {root}
        No {object} for the {person}
        The {adj} {person}
        Under {adj} Skies
        Goodbye to {root}
        The {subject} and the {object}
        """
    ),
    "atlas": _lines(
        """
        Atlas of the {root} Coast
        The {family} Atlas
        {adj} Atlas of Rivers
        Maps of {root} and Beyond
        The Great {root} Atlas
        Sea Charts of the {root} Pilots
        """
    ),
    "travelogue": _lines(
        """
        On Foot through {root}
        A Year among the {plural}
        By Night Train to {root}
        {number} Rivers and a {object}
        Letters from the {root} Road
        Beyond the {adj} {subject}
        My Years in {root}
        """
    ),
    "cookery book": _lines(
        """
        {family}'s Kitchen
        The {root} Cookery Book
        {adj} Suppers
        {number} Sauces from {root}
        The {person}'s Table
        Puddings of {root}
        """
    ),
    "handbook": _lines(
        """
        Handbook of {root} {topic}
        The {family} Handbook of {topic}
        {topic} for Beginners by the {root} Method
        The {adj} Guide to {topic}
        {topic} and {topic} in Practice
        """
    ),
    "volume of poems": _lines(
        """
        Songs of the {person}
        The {adj} Hours
        {plural} in {season}
        Elegies for {root}
        {colour} Verses
        {number} Poems about a {object}
        The {person} Sings of {root}
        """
    ),
}

VEHICLE_PATTERNS = {
    "steam locomotive": _lines(
        """
        {root} Flyer
        {adj} {creature}
        Duke of {root}
        {family} Number {digits}
        Class {letter} Engine {digits}
        {root}
        Pride of {town}
        """
    ),
    "tram": _lines(
        """
        {town} Tramcar {digits}
        {root} Tram
        Tramcar {digits} {colour} Line
        Old {root}
        {adj} {person}
        """
    ),
    "airship": _lines(
        """
        {root} Zephyr
        {adj} Cloud
        {family} Airship {letter}
        Spirit of {root}
        Skyship {root}
        {colour} {creature}
        """
    ),
    "motor coach": _lines(
        """
        {root} Comet
        {adj} Wanderer
        {family} Coach {digits}
        {town} Express
        {creature} Coach {digits}
        Blue {root}
        """
    ),
}

AWARD_NOUNS = {
    "medal": ("Medal", "Gold Medal"),
    "prize": ("Prize", "Grand Prize"),
    "scholarship": ("Scholarship", "Travelling Scholarship"),
}
AWARD_PATTERNS = _lines(
    """
    {family} {noun}
    {root} {noun}
    {family} {noun} for {field}
    {adj} {object} {noun}
    {root} {noun} for {field}
    {river} {noun}
    {family} and {family} {noun}
    """
)
