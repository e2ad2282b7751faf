"""Takes course copies in file order: what each finds of its source and destinations, and what it makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from bulkload.templates.course_copy import codes
from bulkload.templates.course_copy.records import CONTENT, SECTION_AND_CONTENT, Copy, Section


class Turn(NamedTuple):
    """What became of a record: `outcome` (None: rejected), and in words what `happened`.

    `source` and `destination` are words of codes, `left_out` the destinations in use, and `lacks` says that
    copies were made without the content that was to come with them.
    """

    outcome: str | None = None
    source: str | None = None
    destination: str | None = None
    left_out: str = ""
    lacks: bool = False
    happened: str | None = None


@dataclass
class Sections:
    """The sections that records meet: those of the store that a batch names, and over them what the file made of any.

    Only sections that the file makes or fills are kept from batch to batch, as plain records in memory: somebody
    teaches each of them, so that the largest institution has thousands in a term and not millions.
    """

    next_number: int
    stored: dict[str, Section] = field(default_factory=dict)
    now: dict[str, Section] = field(default_factory=dict)
    before: dict[str, Section | None] = field(default_factory=dict)
    courses: dict[str, list[str]] = field(default_factory=dict)
    new_of_course: dict[str, list[str]] = field(default_factory=dict)

    def meet(self, sections: Iterable[Section]) -> None:
        """Take the sections of the store that a batch names."""
        self.stored, self.courses = {}, {}
        for one in sections:
            self.stored[one.call_number] = one
            if one.course_id is not None:
                self.courses.setdefault(one.course_id, []).append(one.call_number)

    def named(self, call_number: str) -> Section | None:
        """Return the section of a call number as it is now."""
        return self.now.get(call_number) or self.stored.get(call_number)

    def of_course(self, course_id: str) -> list[Section]:
        """Return the sections of a course."""
        numbers = [*self.courses.get(course_id, ()), *self.new_of_course.get(course_id, ())]
        return [one for one in map(self.named, numbers) if one is not None]

    def put(self, one: Section) -> None:
        """Make a section, or change it."""
        if one.call_number not in self.before:
            self.before[one.call_number] = self.stored.get(one.call_number)
            if self.before[one.call_number] is None:
                self.next_number += 1
                if one.course_id is not None:
                    self.new_of_course.setdefault(one.course_id, []).append(one.call_number)
        self.now[one.call_number] = one


@dataclass
class Turns:
    """Lets one record after the other have its turn."""

    sections: Sections
    only: Literal["create", "update"] | None

    def take(self, copy: Copy) -> Turn:
        """Take a record, after all those before it; one that is not right in form is only looked at."""
        if copy.copy_type is None:
            return Turn()
        return self._fill(copy) if copy.copy_type == CONTENT else self._make(copy)

    def _skips(self, *, creates: bool) -> bool:
        return self.only is not None and creates != (self.only == "create")

    def _fill(self, copy: Copy) -> Turn:
        """Copy content into the section that the record names."""
        fault, destination = None, None
        if copy.dest_call_numbers is not None:
            destination = self.sections.named(copy.dest_call_numbers[0])
            if destination is None:
                fault = codes.DESTINATION_NOT_FOUND.word
            elif destination.content:
                if copy.ok and destination.filled_by == copy.asked:
                    return Turn("skipped") if self._skips(creates=False) else Turn("unchanged", happened="unchanged")
                fault = codes.DESTINATION_NOT_EMPTY.word
        source, of_source = self._source(copy)
        if source is not None and not source.content:
            of_source = codes.SOURCE_EMPTY.word
        if not copy.ok or fault or of_source or source is None or destination is None:
            return Turn(source=of_source, destination=fault)
        if self._skips(creates=False):
            return Turn("skipped")
        self.sections.put(destination._replace(content=True, filled_by=copy.asked))
        return Turn("updated", happened=f"content copied into {destination.call_number}")

    def _make(self, copy: Copy) -> Turn:
        """Make every destination that is free.

        Those that this record made before are as they should be, whatever the source has become since (loading §4.3).
        """
        free, in_use, done = [], [], 0
        for number in dict.fromkeys(copy.dest_call_numbers or ()):
            there = self.sections.named(number)
            if there is None:
                free.append(number)
            elif copy.ok and there.made_by == copy.asked:
                done += 1
            else:
                in_use.append(number)
        left_out = "; ".join(in_use) if free or done else ""
        if copy.ok and done and not free:
            return (
                Turn("skipped")
                if self._skips(creates=False)
                else Turn("unchanged", None, None, left_out, happened="unchanged")
            )
        source, of_source = self._source(copy)
        fault = codes.NO_DESTINATION_FREE.word if in_use and not free else None
        if not copy.ok or fault or source is None:
            return Turn(source=of_source, destination=fault, left_out=left_out)
        if self._skips(creates=True):
            return Turn("skipped")
        for number in free:
            self.sections.put(self._copied(copy, source, number))
        lacks = copy.copy_type == SECTION_AND_CONTENT and not source.content
        return Turn("created", None, None, left_out, lacks, f"created: {'; '.join(free)}")

    def _source(self, copy: Copy) -> tuple[Section | None, str | None]:
        """Return the section that is copied, or else the word of what is wrong; neither where it cannot be looked for."""
        if copy.source_call_number is not None:
            named = self.sections.named(copy.source_call_number)
            found = [] if named is None else [named]
        elif copy.source_course_id is not None:
            found = self.sections.of_course(copy.source_course_id)
        else:
            return None, None
        if copy.source_sort_string is not None:
            found = [one for one in found if one.sort_string == copy.source_sort_string]
        if len(found) > 1:
            return None, codes.SOURCE_AMBIGUOUS.word
        return (found[0], None) if found else (None, codes.NUMBER_NOT_FOUND.word)

    def _copied(self, copy: Copy, source: Section, call_number: str) -> Section:
        """Return a new section: what the record gives, and the source where it gives nothing."""
        return Section(
            number=self.sections.next_number,
            call_number=call_number,
            course_id=source.course_id,
            title=copy.dest_section_title or source.title,
            sort_string=copy.dest_sort_string,
            term=copy.term,
            expires=None,
            content=copy.copy_type == SECTION_AND_CONTENT and source.content,
            description=copy.dest_section_description or source.description,
            display_course_code=copy.dest_display_course_code or source.display_course_code,
            section_number=copy.dest_section_number,
            made_by=copy.asked,
        )
