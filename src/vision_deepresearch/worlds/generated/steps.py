"""How questions word each relation: as part of a longer phrase, and as the question itself.

The thing described comes last, so that a chain never leaves a verb dangling behind a long
description. Wordings of `former_` relations may hold `{year}`: one strictly within the time it
held.
"""

from vision_deepresearch.worlds.generated.entities import EntityType
from vision_deepresearch.worlds.generated.relations import (
    ARTWORK,
    AWARD,
    BOOK,
    BUILDING,
    EVENT,
    ORGANISATION,
    PERSON,
    PRODUCT,
    RIVER,
    SETTLEMENT,
    SPECIES,
    VEHICLE,
    VESSEL,
)

Wordings = tuple[tuple[str, ...], tuple[str, ...]]


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|") if part.strip())


def _w(phrases: str, questions: str) -> Wordings:
    """Wordings from text with "|" between them: for phrases, for questions."""
    return _split(phrases), _split(questions)


STEPS: dict[tuple[EntityType, str, bool], Wordings] = {
    # --- organisations
    (ORGANISATION, "founded_by", False): _w(
        "the founder of {x} | the person who founded {x} | the person behind the founding of {x}",
        "Who founded {x}? | Who was the founder of {x}? | Whose idea was the foundation of {x}?",
    ),
    (ORGANISATION, "founded_in", False): _w(
        "",
        "What is the year of the foundation of {x}? | What is the founding year of {x}? | "
        "In which year was the foundation of {x}?",
    ),
    (ORGANISATION, "headquartered_in", False): _w(
        "the town that houses the headquarters of {x} | the home town of {x} | "
        "the town with the head office of {x}",
        "Which town houses the headquarters of {x}? | Which town is the seat of {x}? | "
        "In which town is the head office of {x}?",
    ),
    (ORGANISATION, "employees", False): _w(
        "",
        "How many people work for {x}? | What is the number of employees of {x}? | "
        "How large is the staff of {x}?",
    ),
    (ORGANISATION, "led_by", False): _w(
        "the present director of {x} | the person who today heads {x} | "
        "the person at the head of {x}",
        "Who is at present the head of {x}? | Who is the director of {x}? | Who today runs {x}?",
    ),
    (ORGANISATION, "former_led_by", False): _w(
        "the director before the present one of {x} | the former director of {x} | "
        "the person who in {year} was director of {x}",
        "Who was the previous director of {x}? | Who in {year} was director of {x}? | "
        "Who was the director, before the present one, of {x}?",
    ),
    (ORGANISATION, "parent_company", False): _w(
        "the parent organisation of {x} | the organisation that owns {x} | the owner of {x}",
        "Which organisation owns {x}? | What is the parent organisation of {x}? | "
        "Which organisation holds the shares of {x}?",
    ),
    (ORGANISATION, "mascot", False): _w(
        "the species chosen as mascot by {x} | the mascot species of {x} | "
        "the species that is the mascot of {x}",
        "Which species is the mascot of {x}? | What is the mascot of {x}? | "
        "Which species was chosen as a mascot by {x}?",
    ),
    # --- persons
    (PERSON, "born_in", False): _w(
        "the birthplace of {x} | the town of birth of {x} | the native town of {x}",
        "What is the birthplace of {x}? | Which town is the birthplace of {x}? | "
        "In which town was the birth of {x}?",
    ),
    (PERSON, "birth_year", False): _w(
        "",
        "What is the year of birth of {x}? | What was the birth year of {x}? | "
        "In which year was the birth of {x}?",
    ),
    (PERSON, "death_year", False): _w(
        "",
        "What is the year of death of {x}? | What is the year of the death of {x}? | "
        "In which year was the death of {x}?",
    ),
    (PERSON, "educated_at", False): _w(
        "the school attended by {x} | the institution that educated {x} | the alma mater of {x}",
        "Which institution educated {x}? | What is the alma mater of {x}? | "
        "Which school was attended by {x}?",
    ),
    (PERSON, "spouse", False): _w(
        "the spouse of {x} | the person married to {x} | the partner in marriage of {x}",
        "Who was married to {x}? | Who was the spouse of {x}? | "
        "Who was the partner in marriage of {x}?",
    ),
    (PERSON, "died_in", False): _w(
        "the town of death of {x} | the place of death of {x} | "
        "the town that was the last home of {x}",
        "In which town was the death of {x}? | What is the place of death of {x}? | "
        "Which town was the last home of {x}?",
    ),
    (PERSON, "teacher", False): _w(
        "the teacher of {x} | the person who taught {x} | the master who trained {x}",
        "Who was the teacher of {x}? | Who taught {x}? | Who trained {x}?",
    ),
    (PERSON, "employer", False): _w(
        "the present employer of {x} | the organisation that employs {x} | "
        "the organisation that pays the salary of {x}",
        "Which organisation employs {x}? | What is the present employer of {x}? | "
        "Which organisation pays the salary of {x}?",
    ),
    (PERSON, "former_employer", False): _w(
        "the former employer of {x} | the organisation that in {year} employed {x} | "
        "the employer, before the present one, of {x}",
        "Which organisation was the former employer of {x}? | "
        "Which organisation in {year} employed {x}? | "
        "Which organisation was the previous employer of {x}?",
    ),
    # --- buildings
    (BUILDING, "designed_by", False): _w(
        "the architect of {x} | the person who designed {x} | the person who drew the plans of {x}",
        "Who designed {x}? | Who was the architect of {x}? | Who drew the plans of {x}?",
    ),
    (BUILDING, "stands_in", False): _w(
        "the town that is home to {x} | the town that is the site of {x} | the location of {x}",
        "Which town is home to {x}? | Which town is the location of {x}? | "
        "In which town can one visit {x}?",
    ),
    (BUILDING, "completed_in", False): _w(
        "",
        "In which year was the completion of {x}? | What is the year of completion of {x}? | "
        "In which year did work end on {x}?",
    ),
    (BUILDING, "height", False): _w(
        "",
        "How many metres high is {x}? | What is the height in metres of {x}? | "
        "How tall, in metres, is {x}?",
    ),
    (BUILDING, "commissioned_by", False): _w(
        "the organisation that commissioned {x} | the organisation that paid for {x} | "
        "the organisation that had builders put up {x}",
        "Which organisation commissioned {x}? | Which organisation paid for {x}? | "
        "Which organisation gave the order for {x}?",
    ),
    (BUILDING, "floors", False): _w(
        "",
        "How many floors belong to {x}? | What is the number of floors of {x}? | "
        "How many floors are there in {x}?",
    ),
    (BUILDING, "home_of", False): _w(
        "the organisation housed in {x} | the tenant of {x} | the organisation that rents {x}",
        "Which organisation is housed in {x}? | Which organisation is the tenant of {x}? | "
        "Which organisation rents {x}?",
    ),
    (BUILDING, "former_home_of", False): _w(
        "the former tenant of {x} | the organisation that in {year} rented {x} | "
        "the tenant, before the present one, of {x}",
        "Which organisation was the former tenant of {x}? | "
        "Which organisation in {year} rented {x}? | "
        "Which organisation was the previous tenant of {x}?",
    ),
    (BUILDING, "restored_in", False): _w(
        "",
        "In which year was the restoration of {x}? | What is the year of the restoration of {x}? | "
        "In which year did restorers finish work on {x}?",
    ),
    # --- artworks
    (ARTWORK, "created_by", False): _w(
        "the artist who made {x} | the creator of {x} | the artist behind {x}",
        "Who made {x}? | Which artist created {x}? | Whose signature is on {x}?",
    ),
    (ARTWORK, "created_in", False): _w(
        "",
        "In which year was the creation of {x}? | What is the year of origin of {x}? | "
        "Which year is on the back of {x}?",
    ),
    (ARTWORK, "held_by", False): _w(
        "the building that houses {x} | the building that holds {x} | the present home of {x}",
        "Which building houses {x}? | Which building holds {x}? | "
        "Which building is the present home of {x}?",
    ),
    (ARTWORK, "former_held_by", False): _w(
        "the building that formerly housed {x} | the former home of {x} | "
        "the building that in {year} held {x}",
        "Which building was the former home of {x}? | Which building in {year} held {x}? | "
        "Which building was the previous home of {x}?",
    ),
    (ARTWORK, "depicts", False): _w(
        "the town depicted in {x} | the town that is the subject of {x} | the town to be seen in {x}",
        "Which town is depicted in {x}? | What town is the subject of {x}? | "
        "Which town can be recognised in {x}?",
    ),
    (ARTWORK, "portrays", False): _w(
        "the person portrayed in {x} | the sitter of {x} | the person to be seen in {x}",
        "Who is portrayed in {x}? | Who was the sitter for {x}? | Whose face is to be seen in {x}?",
    ),
    (ARTWORK, "donated_by", False): _w(
        "the donor of {x} | the person who donated {x} | the person who gave away {x}",
        "Who donated {x}? | Who was the donor of {x}? | Whose gift to the public was {x}?",
    ),
    (ARTWORK, "width", False): _w(
        "",
        "How many centimetres wide is {x}? | What is the width in centimetres of {x}? | "
        "How wide, in centimetres, is {x}?",
    ),
    # --- vessels
    (VESSEL, "built_by", False): _w(
        "the yard that built {x} | the builder of {x} | the yard that laid the keel of {x}",
        "Which yard built {x}? | Who was the builder of {x}? | Which yard laid the keel of {x}?",
    ),
    (VESSEL, "launched_on", False): _w(
        "",
        "What is the date of the launch of {x}? | What is the exact launch date of {x}? | "
        "On which day was the launch of {x}?",
    ),
    (VESSEL, "home_port", False): _w(
        "the home port of {x} | the port of registry of {x} | "
        "the town whose name is on the stern of {x}",
        "What is the home port of {x}? | Which town is the port of registry of {x}? | "
        "Which town is the home port of {x}?",
    ),
    (VESSEL, "former_home_port", False): _w(
        "the former home port of {x} | the town that in {year} was the home port of {x} | "
        "the previous home port of {x}",
        "What was the former home port of {x}? | Which town in {year} was the home port of {x}? | "
        "What was, before the present one, the home port of {x}?",
    ),
    (VESSEL, "christened_by", False): _w(
        "the person who christened {x} | the godparent of {x} | "
        "the person who gave its name to {x}",
        "Who christened {x}? | Who was the godparent of {x}? | "
        "Who threw the bottle at the christening of {x}?",
    ),
    (VESSEL, "length", False): _w(
        "",
        "How many metres long is {x}? | What is the length in metres of {x}? | "
        "How long, in metres, is {x}?",
    ),
    (VESSEL, "captain", False): _w(
        "the captain of {x} | the person who commands {x} | the person on the bridge of {x}",
        "Who is the captain of {x}? | Who commands {x}? | Who at present takes to sea {x}?",
    ),
    (VESSEL, "former_captain", False): _w(
        "the former captain of {x} | the person who in {year} commanded {x} | "
        "the captain, before the present one, of {x}",
        "Who was the former captain of {x}? | Who in {year} commanded {x}? | "
        "Who was the previous captain of {x}?",
    ),
    (VESSEL, "owner", False): _w(
        "the owner of {x} | the organisation that owns {x} | "
        "the organisation named as owner in the papers of {x}",
        "Which organisation owns {x}? | Who is the present owner of {x}? | "
        "Which organisation is named as owner in the papers of {x}?",
    ),
    (VESSEL, "former_owner", False): _w(
        "the former owner of {x} | the organisation that in {year} owned {x} | "
        "the owner, before the present one, of {x}",
        "Which organisation was the former owner of {x}? | "
        "Which organisation in {year} owned {x}? | "
        "Which organisation was the previous owner of {x}?",
    ),
    (VESSEL, "tonnage", False): _w(
        "",
        "How many tonnes is the tonnage of {x}? | What is the tonnage of {x}? | "
        "What figure in tonnes is given as the tonnage of {x}?",
    ),
    # --- settlements
    (SETTLEMENT, "lies_on", False): _w(
        "the river that flows through {x} | the river that runs past {x} | the river of {x}",
        "Which river runs past {x}? | Which river flows through {x}? | "
        "What is the name of the river that passes {x}?",
    ),
    (SETTLEMENT, "population", False): _w(
        "",
        "How many people live in {x}? | What is the population of {x}? | "
        "What is the number of inhabitants of {x}?",
    ),
    (SETTLEMENT, "mayor", False): _w(
        "the mayor of {x} | the person who is mayor of {x} | the present mayor of {x}",
        "Who is the mayor of {x}? | Which mayor governs {x}? | Who at present governs {x}?",
    ),
    (SETTLEMENT, "former_mayor", False): _w(
        "the former mayor of {x} | the person who in {year} was mayor of {x} | "
        "the mayor, before the present one, of {x}",
        "Who was the former mayor of {x}? | Who in {year} was mayor of {x}? | "
        "Who was the previous mayor of {x}?",
    ),
    (SETTLEMENT, "chartered_in", False): _w(
        "",
        "In which year was a charter granted to {x}? | Which year is on the charter of {x}? | "
        "In which year were town rights granted to {x}?",
    ),
    (SETTLEMENT, "elevation", False): _w(
        "",
        "How many metres above the sea is {x}? | What is the elevation in metres of {x}? | "
        "How high above the sea, in metres, is {x}?",
    ),
    (SETTLEMENT, "honorary_citizen", False): _w(
        "the honorary citizen of {x} | the person who was made an honorary citizen of {x} | "
        "the person given the honorary citizenship of {x}",
        "Who is the honorary citizen of {x}? | Who was made an honorary citizen of {x}? | "
        "Who was given the honorary citizenship of {x}?",
    ),
    (SETTLEMENT, "heraldic_species", False): _w(
        "the heraldic species of {x} | the species that stands for {x} | "
        "the species chosen as heraldic species of {x}",
        "Which species is the heraldic species of {x}? | Which species stands for {x}? | "
        "What is the heraldic species of {x}?",
    ),
    # --- events
    (EVENT, "takes_place_in", False): _w(
        "the town that hosts {x} | the venue of {x} | the town that is the venue of {x}",
        "Which town is the venue of {x}? | Which town hosts {x}? | "
        "In which town can one attend {x}?",
    ),
    (EVENT, "first_held_in", False): _w(
        "",
        "What is the year of the first edition of {x}? | In which year was the beginning of {x}? | "
        "In which year was the first edition of {x}?",
    ),
    (EVENT, "initiated_by", False): _w(
        "the person who started {x} | the initiator of {x} | the person with the idea for {x}",
        "Who started {x}? | Who was the initiator of {x}? | Who had the idea for {x}?",
    ),
    (EVENT, "sponsor", False): _w(
        "the sponsor of {x} | the organisation that sponsors {x} | "
        "the organisation that pays for {x}",
        "Which organisation sponsors {x}? | Who is the sponsor of {x}? | "
        "Which organisation pays for {x}?",
    ),
    (EVENT, "former_sponsor", False): _w(
        "the former sponsor of {x} | the organisation that in {year} sponsored {x} | "
        "the sponsor, before the present one, of {x}",
        "Which organisation was the former sponsor of {x}? | "
        "Which organisation in {year} sponsored {x}? | "
        "Which organisation was the previous sponsor of {x}?",
    ),
    (EVENT, "last_winner", False): _w(
        "the title holder of {x} | the person who holds the title of {x} | "
        "the person who last won {x}",
        "Who is the title holder of {x}? | Who holds the title of {x}? | Who last won {x}?",
    ),
    (EVENT, "former_last_winner", False): _w(
        "the former title holder of {x} | the person who in {year} held the title of {x} | "
        "the title holder, before the present one, of {x}",
        "Who was the former title holder of {x}? | Who in {year} held the title of {x}? | "
        "Who was the previous title holder of {x}?",
    ),
    (EVENT, "prize", False): _w(
        "the award presented at {x} | the award that goes to the winner of {x} | the prize of {x}",
        "Which award is presented at {x}? | Which award goes to the winner of {x}? | "
        "What is the prize of {x}?",
    ),
    # --- rivers
    (RIVER, "river_length", False): _w(
        "",
        "How many kilometres long is {x}? | What is the length in kilometres of {x}? | "
        "How long, in kilometres, is {x}?",
    ),
    (RIVER, "flows_into", False): _w(
        "the river that receives {x} | the river that takes up {x} | the river at the mouth of {x}",
        "What is the name of the river that takes up {x}? | "
        "Which river takes up the waters of {x}? | Which river is joined by {x}?",
    ),
    (RIVER, "rises_near", False): _w(
        "the town near the source of {x} | the town closest to the spring of {x} | "
        "the town nearest to the source of {x}",
        "Which town is near the source of {x}? | Near which town is the source of {x}? | "
        "Which town lies close to the spring of {x}?",
    ),
    (RIVER, "bridges", False): _w(
        "",
        "How many bridges cross {x}? | What is the number of bridges over {x}? | "
        "How many bridges are there along {x}?",
    ),
    # --- products
    (PRODUCT, "made_by", False): _w(
        "the company that makes {x} | the manufacturer of {x} | the organisation that produces {x}",
        "Which company makes {x}? | Which organisation is the manufacturer of {x}? | "
        "Which company is named on the package of {x}?",
    ),
    (PRODUCT, "introduced_in", False): _w(
        "",
        "In which year was the introduction of {x}? | In which year did shops first sell {x}? | "
        "What was the first year on sale of {x}?",
    ),
    (PRODUCT, "invented_by", False): _w(
        "the inventor of {x} | the person who invented {x} | the person behind the recipe of {x}",
        "Who invented {x}? | Who was the inventor of {x}? | Who found the recipe of {x}?",
    ),
    (PRODUCT, "produced_in", False): _w(
        "the town where factories turn out {x} | the place of production of {x} | "
        "the town that produces {x}",
        "Which town is the place of production of {x}? | In which town is the factory of {x}? | "
        "Which town produces {x}?",
    ),
    (PRODUCT, "flavoured_with", False): _w(
        "the species that is the key ingredient of {x} | the species that flavours {x} | "
        "the species in the recipe of {x}",
        "Which species is the key ingredient of {x}? | Which species flavours {x}? | "
        "Which species is in the recipe of {x}?",
    ),
    # --- species
    (SPECIES, "described_by", False): _w(
        "the person who first described {x} | the describer of {x} | "
        "the author of the first account of {x}",
        "Who first described {x}? | Who was the describer of {x}? | "
        "Who wrote the first account of {x}?",
    ),
    (SPECIES, "described_in", False): _w(
        "",
        "In which year was the first description of {x}? | "
        "In which year did science first hear of {x}? | "
        "What is the year of the first description of {x}?",
    ),
    (SPECIES, "found_near", False): _w(
        "the town near which one finds {x} | the town around which one can find {x} | "
        "the town near the habitat of {x}",
        "Near which town does one find {x}? | Which town is near the habitat of {x}? | "
        "Around which town can one find {x}?",
    ),
    (SPECIES, "specimen_in", False): _w(
        "the building that keeps the type specimen of {x} | the home of the type specimen of {x} | "
        "the building with the reference specimen of {x}",
        "Which building keeps the type specimen of {x}? | "
        "In which building is the type specimen of {x}? | "
        "Which building holds the first specimen of {x}?",
    ),
    (SPECIES, "size", False): _w(
        "",
        "How many millimetres is the size of {x}? | What is the size in millimetres of {x}? | "
        "How large, in millimetres, is {x}?",
    ),
    # --- books
    (BOOK, "written_by", False): _w(
        "the author of {x} | the person who wrote {x} | the writer of {x}",
        "Who wrote {x}? | Who is the author of {x}? | Whose pen wrote {x}?",
    ),
    (BOOK, "published_by", False): _w(
        "the publisher of {x} | the organisation that published {x} | the publishers of {x}",
        "Which organisation published {x}? | Which organisation is the publisher of {x}? | "
        "Which publisher brought out {x}?",
    ),
    (BOOK, "published_in", False): _w(
        "",
        "In which year was the publication of {x}? | What is the year of publication of {x}? | "
        "In which year did bookshops first sell {x}?",
    ),
    (BOOK, "pages", False): _w(
        "",
        "How many pages are there in {x}? | What is the number of pages of {x}? | "
        "What is the page count of {x}?",
    ),
    (BOOK, "set_in", False): _w(
        "the town that is the setting of {x} | the town described in {x} | the setting of {x}",
        "Which town is the setting of {x}? | Which town is described in {x}? | "
        "What town serves as the setting of {x}?",
    ),
    (BOOK, "illustrated_by", False): _w(
        "the illustrator of {x} | the person who illustrated {x} | "
        "the person who drew the pictures in {x}",
        "Who illustrated {x}? | Who was the illustrator of {x}? | Who drew the pictures in {x}?",
    ),
    (BOOK, "dedicated_to", False): _w(
        "the person named in the dedication of {x} | the person honoured on the first page of {x} | "
        "the dedicatee of {x}",
        "Who is named in the dedication of {x}? | Who is greeted on the first page of {x}? | "
        "Who is the dedicatee of {x}?",
    ),
    # --- vehicles
    (VEHICLE, "assembled_by", False): _w(
        "the works that assembled {x} | the manufacturer of {x} | "
        "the organisation named on the works plate of {x}",
        "Which works assembled {x}? | Which organisation was the manufacturer of {x}? | "
        "Which organisation is named on the works plate of {x}?",
    ),
    (VEHICLE, "run_by", False): _w(
        "the operator of {x} | the organisation that runs {x} | "
        "the organisation that sells tickets for {x}",
        "Which organisation runs {x}? | Which organisation is the operator of {x}? | "
        "Which organisation sells tickets for {x}?",
    ),
    (VEHICLE, "former_run_by", False): _w(
        "the former operator of {x} | the organisation that in {year} ran {x} | "
        "the operator, before the present one, of {x}",
        "Which organisation was the former operator of {x}? | "
        "Which organisation in {year} ran {x}? | "
        "Which organisation was the previous operator of {x}?",
    ),
    (VEHICLE, "entered_service_in", False): _w(
        "",
        "In which year was the first trip of {x}? | What was the first year of service of {x}? | "
        "Which is the first year in the service record of {x}?",
    ),
    (VEHICLE, "engineered_by", False): _w(
        "the engineer of {x} | the person who engineered {x} | "
        "the person who signed the drawings of {x}",
        "Who engineered {x}? | Who was the engineer of {x}? | Who signed the drawings of {x}?",
    ),
    (VEHICLE, "top_speed", False): _w(
        "",
        "How many kilometres an hour is the top speed of {x}? | "
        "What is the top speed in kilometres an hour of {x}? | "
        "How fast, in kilometres an hour, is {x}?",
    ),
    (VEHICLE, "preserved_in", False): _w(
        "the building that exhibits {x} | the place of exhibition of {x} | "
        "the building in which visitors see {x}",
        "Which building exhibits {x}? | Which building is the place of exhibition of {x}? | "
        "In which building can visitors see {x}?",
    ),
    # --- awards
    (AWARD, "given_by", False): _w(
        "the organisation that gives {x} | the giver of {x} | "
        "the organisation that appoints the jury of {x}",
        "Which organisation gives {x}? | Which organisation is the giver of {x}? | "
        "Which organisation appoints the jury of {x}?",
    ),
    (AWARD, "endowed_by", False): _w(
        "the person who endowed {x} | the benefactor behind {x} | "
        "the person whose fortune pays for {x}",
        "Who endowed {x}? | Who was the benefactor behind {x}? | Whose fortune pays for {x}?",
    ),
    (AWARD, "first_given_in", False): _w(
        "",
        "What is the year of the first presentation of {x}? | "
        "In which year was the first presentation of {x}? | "
        "What is the first year on the roll of {x}?",
    ),
    (AWARD, "laureate", False): _w(
        "the present laureate of {x} | the person who now holds {x} | the latest recipient of {x}",
        "Who is the present laureate of {x}? | Who now holds {x}? | "
        "Who is the latest recipient of {x}?",
    ),
    (AWARD, "former_laureate", False): _w(
        "the former laureate of {x} | the person who in {year} held {x} | "
        "the laureate, before the present one, of {x}",
        "Who was the former laureate of {x}? | Who in {year} held {x}? | "
        "Who was the previous laureate of {x}?",
    ),
    (AWARD, "presented_in", False): _w(
        "the building that hosts the presentation of {x} | the building of the ceremony of {x} | "
        "the building in which laureates receive {x}",
        "Which building hosts the presentation of {x}? | "
        "In which building do laureates receive {x}? | "
        "Which building is used for the ceremony of {x}?",
    ),
    # --- backwards, from a person
    (ORGANISATION, "founded_by", True): _w(
        "the organisation founded by {x} | the organisation that was set up by {x} | "
        "the organisation that owes its existence to {x}",
        "Which organisation was founded by {x}? | "
        "What organisation owes its foundation to {x}? | Which organisation was set up by {x}?",
    ),
    (ORGANISATION, "led_by", True): _w(
        "the organisation now directed by {x} | the organisation headed by {x} | "
        "the organisation at present run by {x}",
        "Which organisation is headed by {x}? | Which organisation is now directed by {x}? | "
        "Which organisation is at present run by {x}?",
    ),
    (BUILDING, "designed_by", True): _w(
        "the building designed by {x} | the building planned by {x} | "
        "the building whose architect was {x}",
        "Which building was designed by {x}? | Which building is the work of {x}? | "
        "Which building was planned by {x}?",
    ),
    (ARTWORK, "created_by", True): _w(
        "the work of art made by {x} | the artwork by {x} | the work of art signed by {x}",
        "Which work of art was made by {x}? | What work of art is by {x}? | "
        "Which artwork was signed by {x}?",
    ),
    (ARTWORK, "donated_by", True): _w(
        "the work of art donated by {x} | the artwork given to the public by {x} | "
        "the work of art that was a gift of {x}",
        "Which work of art was donated by {x}? | Which artwork was a gift of {x}? | "
        "What work of art was given to the public by {x}?",
    ),
    (VESSEL, "christened_by", True): _w(
        "the ship christened by {x} | the ship that was given its name by {x} | "
        "the ship whose godparent was {x}",
        "Which ship was christened by {x}? | What ship was given its name by {x}? | "
        "Which ship had as godparent {x}?",
    ),
    (VESSEL, "captain", True): _w(
        "the ship commanded by {x} | the ship whose captain is {x} | "
        "the ship at present taken to sea by {x}",
        "Which ship is commanded by {x}? | Which ship has as captain {x}? | "
        "Which ship is at present taken to sea by {x}?",
    ),
    (SETTLEMENT, "mayor", True): _w(
        "the town governed by {x} | the town whose mayor is {x} | "
        "the town that has as its mayor {x}",
        "Which town is governed by {x}? | What is the name of the town governed by {x}? | "
        "Which town has as its mayor {x}?",
    ),
    (SETTLEMENT, "honorary_citizen", True): _w(
        "the town that has as honorary citizen {x} | "
        "the town that gave its honorary citizenship to {x} | "
        "the town that honoured with its citizenship {x}",
        "Which town has as honorary citizen {x}? | "
        "Which town gave its honorary citizenship to {x}? | "
        "Which town honoured with its citizenship {x}?",
    ),
    (EVENT, "initiated_by", True): _w(
        "the event started by {x} | the event initiated by {x} | "
        "the event that goes back to an idea of {x}",
        "Which event was started by {x}? | What event goes back to {x}? | "
        "Which event was initiated by {x}?",
    ),
    (EVENT, "last_winner", True): _w(
        "the event whose title is held by {x} | the event last won by {x} | "
        "the event with the title holder {x}",
        "Which event was last won by {x}? | What event was last won by {x}? | "
        "Which event has as title holder {x}?",
    ),
    (PRODUCT, "invented_by", True): _w(
        "the product invented by {x} | the brand that goes back to {x} | "
        "the product with a recipe of {x}",
        "Which product was invented by {x}? | Which brand goes back to {x}? | "
        "Which product has a recipe of {x}?",
    ),
    (SPECIES, "described_by", True): _w(
        "the species first described by {x} | the species introduced to science by {x} | "
        "the species that owes its learned name to {x}",
        "Which species was first described by {x}? | "
        "Which species was introduced to science by {x}? | "
        "Which species owes its learned name to {x}?",
    ),
    (BOOK, "written_by", True): _w(
        "the book written by {x} | the book by {x} | the book whose author is {x}",
        "Which book was written by {x}? | What book is by {x}? | "
        "Which book came from the pen of {x}?",
    ),
    (BOOK, "illustrated_by", True): _w(
        "the book illustrated by {x} | the book with drawings by {x} | "
        "the book whose illustrator was {x}",
        "Which book was illustrated by {x}? | Which book has drawings by {x}? | "
        "What book contains pictures by {x}?",
    ),
    (VEHICLE, "engineered_by", True): _w(
        "the vehicle engineered by {x} | the vehicle worked out by {x} | "
        "the vehicle whose engineer was {x}",
        "Which vehicle was engineered by {x}? | Which vehicle was worked out by {x}? | "
        "What vehicle follows drawings by {x}?",
    ),
    (AWARD, "endowed_by", True): _w(
        "the award endowed by {x} | the award paid for by {x} | "
        "the award that goes back to a gift of {x}",
        "Which award was endowed by {x}? | Which award is paid for by {x}? | "
        "Which award goes back to a gift of {x}?",
    ),
    (AWARD, "laureate", True): _w(
        "the award now held by {x} | the award last given to {x} | "
        "the award whose present laureate is {x}",
        "Which award is now held by {x}? | Which award was last given to {x}? | "
        "Which award has as present laureate {x}?",
    ),
}
"""By the relation's domain, name and direction: as part of a longer phrase, and as the question."""
