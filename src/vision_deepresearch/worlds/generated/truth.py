"""What a generated world knows about its tasks; wiring hands it to the oracle, no tool reaches it."""

from collections.abc import Mapping

from vision_deepresearch.core.proof import Hop, HopKind, Proof
from vision_deepresearch.worlds.generated.entities import Entity
from vision_deepresearch.worlds.generated.graph import Graph
from vision_deepresearch.worlds.generated.reading import Question, read_name, read_statement
from vision_deepresearch.worlds.generated.relations import RELATIONS, Relation, relations_named


class GeneratedTruth:
    """The `TruthSource` of one world."""

    def __init__(self, graph: Graph, proofs: Mapping[str, Proof]) -> None:
        """Keep the proofs.

        Args:
            graph: of the world; its names tell where in a text the subject stands.
            proofs: by task id.
        """
        self._graph = graph
        self._proofs = proofs
        self._titles = {
            graph.title(entity_id).casefold(): entity_id for entity_id in graph.entities
        }

    def proof(self, task_id: str) -> Proof | None:
        """The route of a task, or None for a task that is not from here."""
        return self._proofs.get(task_id)

    def read_value(self, text: str, *, subject: str, hop: Hop) -> str | None:
        """The value that `text` states for the hop's predicate of `subject`, as written there.

        For a `look` hop: the name of the thing that the first article in the text is about. For a
        hop to one of several things: that name, if the article says that the thing stands in the
        relation to `subject`.
        """
        if hop.kind is HopKind.LOOK:
            return read_name(text)
        if hop.predicate is None or not subject.strip():
            return None
        if hop.one_of_several:
            return self._read_start(text, subject=subject, predicate=hop.predicate)
        entities = self._named(subject)
        for relation in self._relations(entities, hop=hop, predicate=hop.predicate):
            value = read_statement(
                text,
                Question(
                    names=_names(subject, entities),
                    slug=self._graph.slug(entities[0].id) if len(entities) == 1 else "",
                    domain=relation.domain,
                    predicate=relation.name,
                    inverse=hop.inverse,
                ),
            )
            if value is not None:
                return value
        return None

    def _read_start(self, text: str, *, subject: str, predicate: str) -> str | None:
        """What an article is about, if it states `subject` as its value."""
        name = read_name(text)
        if name is None:
            return None
        entities = self._named(name)
        meant = {entity.id for entity in self._named(subject)}
        for relation in relations_named(predicate):
            value = read_statement(
                text,
                Question(
                    names=_names(name, entities),
                    slug=self._graph.slug(entities[0].id) if len(entities) == 1 else "",
                    domain=relation.domain,
                    predicate=relation.name,
                ),
            )
            if value is not None and meant & {entity.id for entity in self._named(value)}:
                return name
        return None

    def _named(self, subject: str) -> tuple[Entity, ...]:
        by_title = self._titles.get(subject.casefold())
        return (self._graph.entity(by_title),) if by_title else self._graph.named(subject)

    def _relations(
        self, entities: tuple[Entity, ...], *, hop: Hop, predicate: str
    ) -> tuple[Relation, ...]:
        if hop.inverse or not entities:
            return relations_named(predicate)
        types = dict.fromkeys(entity.type for entity in entities)
        keys = [(type_, predicate) for type_ in types]
        return tuple(RELATIONS[key] for key in keys if key in RELATIONS)


def _names(subject: str, entities: tuple[Entity, ...]) -> tuple[str, ...]:
    """Everything the subject may be called, the longest first."""
    names = [subject.strip()]
    for entity in entities:
        names += [entity.name, *entity.aliases]
    return tuple(sorted(dict.fromkeys(names), key=lambda name: (-len(name), name)))
