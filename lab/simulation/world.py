"""The whole: sites, shards and central, from the beginning to the end, and what is found wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter, process_time

from lab.simulation import trouble
from lab.simulation.central import Central
from lab.simulation.loop import Loop
from lab.simulation.meter import Load, Meters
from lab.simulation.pipe import Output, Speed
from lab.simulation.setting import BUCKETS, Setting
from lab.simulation.shard import Run
from lab.simulation.site import STEP, Site, count
from lab.simulation.trouble import Trouble
from telegraf_plugin.stream.definition import StreamDefinition
from telegraf_plugin.stream.spans import Spans
from telegraf_plugin.stream.units import MINUTE, SECOND

CENTRAL_LATENCY = 15 * SECOND // 1000
CENTRAL_READS = 500_000
"""Points a second that central reads out for one question."""
FIRST_TICK = 2 * SECOND
"""How long after its start a plugin begins by itself."""
LOOKS = 10 * SECOND
"""How often it is looked whether what a trouble has left is made up for."""
PROOFS = 30 * MINUTE
"""How long after its time (ns) a point has to be proved when all is calm."""


@dataclass
class Outcome:
    """What came of it: what was measured, each site's load, what went wrong and when it was made up for; `wrong`: what
    must not be, in words; `values_a_second`: what its streams have when all of them are there.
    """

    meters: Meters
    loads: dict[str, Load]
    central: Load
    troubles: list[Trouble]
    wrong: list[str] = field(default_factory=list)
    most_buffered: int = 0
    events: int = 0
    values_a_second: float = 0.0


class World:
    """Some of the shards of a setting, with their sites, and central with their part of its speed."""

    def __init__(self, setting: Setting, shards: Iterable[int]) -> None:
        self.setting = setting
        self.loop = Loop(setting.begin)
        self.meters = Meters.of(setting.begin, setting.length // MINUTE)
        self.troubles = trouble.of_central(setting)
        away = Spans.of((each.start, each.stop) for each in self.troubles)
        self.central = Central(Load(setting.interval), CENTRAL_LATENCY, CENTRAL_READS, away)
        region = trouble.of_region(setting)
        self.sites: dict[str, Site] = {}
        self.shards = {number: setting.of_shard(number) for number in shards}
        for name in [name for names in self.shards.values() for name in names]:
            self.sites[name] = site = setting.site(name)
            own = trouble.of_site(setting, name)
            self.troubles += own
            site.away = Spans.of((each.start, each.stop) for each in own)
            site.stalls = trouble.stalls(setting, name)
            if region is not None and name in region[1]:
                site.away += Spans.of([(region[0].start, region[0].stop)])
            fault = trouble.clock(setting, name) if setting.trouble else trouble.ClockFault()
            if fault.ahead:
                self._clock(site, fault)
        if region is not None:
            self.troubles.append(region[0])
        self.outputs = {number: self._telegraf() for number in self.shards}
        self.runs: dict[int, Run] = {}
        self._starts = dict.fromkeys(self.shards, 0)
        for number in self.shards:
            self._plan(number)
        for each in self.troubles:
            each.sites = (each.sites or frozenset(self.sites)) & frozenset(self.sites)
            self.loop.at(each.stop, partial(self._over, each))

    def _clock(self, site: Site, fault: trouble.ClockFault) -> None:
        site.ahead = fault.ahead
        if fault.at is not None:
            time = fault.at
            self.loop.at(time, lambda: site.jump(time, 0))

    def _telegraf(self) -> dict[str, Output]:
        setting = self.setting
        rate = min(setting.central // setting.shards, setting.telegraf) // 10  # lines of ten fields
        speed = Speed(rate, CENTRAL_LATENCY)
        return {bucket: Output(self.loop, self.central, speed, self.meters.written) for bucket in BUCKETS}

    def _plan(self, number: int) -> None:
        """Have a shard start, end and begin anew, and tick, when it is to."""
        setting = self.setting
        down = trouble.of_shard(setting, number)
        for each in down:
            each.sites = frozenset(self.shards[number])
            self.loop.at(each.start, partial(self.kill, number))
            self.loop.at(each.stop, partial(self.start, number))
        self.troubles += down
        joins = sorted({self.sites[name].joins for name in self.shards[number]} | {setting.begin})
        for time in joins:
            self.loop.at(time, lambda: self.start(number) if number in self.runs or not self._starts[number] else None)
        phase = setting.begin + number * setting.interval // (setting.shards + 1) // SECOND * SECOND
        self._every(phase, lambda: self.tick(number))

    def _every(self, time: int, do: Callable[[], object]) -> None:
        def again() -> None:
            do()
            self._every(time + self.setting.interval, do)

        self.loop.at(time, again)

    # What happens

    def start(self, number: int) -> None:
        """Start a shard's plugin, or have it take over what its sources are now; its Telegraf goes on."""
        if number in self.runs:
            self.runs[number].end()
        self._starts[number] += 1
        now = self.loop.now
        sites = [self.sites[name] for name in self.shards[number] if self.sites[name].joins <= now]
        setting = self.setting
        self.runs[number] = Run(
            self.loop,
            self.central,
            sites,
            self.outputs[number],
            f"run-{number}-{self._starts[number]}",
            setting.limit,
            setting.sweep,
            setting.at_once,
            setting.together,
            self.meters,
        )
        self.loop.at(now + FIRST_TICK, self.runs[number].begin)

    def kill(self, number: int) -> None:
        """Kill a shard, its Telegraf as well."""
        run = self.runs.pop(number, None)
        if run is not None:
            run.end()
        for output in self.outputs[number].values():
            output.kill()

    def tick(self, number: int) -> None:
        """Have a shard's Telegraf tick, and look what central lacks of its sites."""
        run = self.runs.get(number)
        if run is not None:
            run.tick()
        self._look(number, run)

    def _look(self, number: int, run: Run | None) -> None:
        now = self.loop.now
        lacking = streams = 0
        for name in self.shards[number]:
            site = self.sites[name]
            if site.joins > now:
                continue
            fresh = self._hands_in(site)
            for stream in site.streams:
                points = self.lacks(site, stream, 2 * self.setting.interval)
                if fresh:
                    self.meters.stale.add(now, self._age(stream))
                lacking += points
                streams += 1
                if run is not None and points:
                    run.turns.lacks(stream.id, now)
        self.meters.lacking.add(now, lacking)
        self.meters.streams.add(now, streams)

    def _hands_in(self, site: Site) -> bool:
        """Say whether a site was there with new points for the last intervals, so that central may have them."""
        now, since = self.loop.now, self.loop.now - 3 * self.setting.interval
        late = bool(site.stalls) and site.stalls.touches((since, now))
        return site.joins < since and not site.ahead and not late and site.answered(since, now)

    def _age(self, stream: StreamDefinition) -> int:
        """Return how old (s) the newest point is that central has of a stream."""
        hull = self.central.begin(stream.central_bucket, stream.id).there.hull
        return (self.loop.now - (hull[1] if hull is not None else stream.start.date or 0)) // SECOND

    def lacks(self, site: Site, stream: StreamDefinition, slack: int) -> int:
        """Return how many points central lacks of a stream, but for those of the last `slack` (ns) by its clock."""
        now = self.loop.now
        landing = self.central.begin(stream.central_bucket, stream.id)
        origin = stream.start.date or 0
        there, landed = site.there(now), landing.there
        stop = min(site.clock(now), now) - slack
        if len(landed.parts) == 1 and landed.parts[0][0] <= origin and landed.parts[0][1] >= stop:
            return 0
        missing = (there.clip(origin, stop)) - landed
        return count(missing, site.points[stream.id])

    def _over(self, each: Trouble) -> None:
        """Note what central lacks when a trouble is over, and look from then on whether that has come."""
        for name in each.sites:
            site = self.sites[name]
            if site.joins <= each.stop:
                each.lacked += sum(self.lacks(site, stream, site.late + STEP) for stream in site.streams)
        self._look_again(each)

    def _look_again(self, each: Trouble) -> None:
        now = self.loop.now
        for name in each.sites:
            site = self.sites[name]
            if site.joins > each.stop or not self._alone(site, each):
                continue
            if any(self.lacks(site, stream, now - each.stop + site.late + STEP) for stream in site.streams):
                self.loop.at(now + LOOKS, partial(self._look_again, each))
                return
        each.caught_up = now

    def _alone(self, site: Site, trouble: Trouble) -> bool:
        """Say whether a site was there all the time since a trouble began, but for that: else it has its own to do."""
        own = [(trouble.start, trouble.stop)] if trouble.kind in ("site", "region") else []
        return not (site.away - Spans.of(own)).touches((trouble.start, max(self.loop.now, trouble.stop)))

    def run(self) -> Outcome:
        """Have all of it happen."""
        began, processor = perf_counter(), process_time()
        self.loop.run(self.setting.end)
        # Processor time cannot be asked for at each event: that takes as long as an event, where much else runs.
        self.meters.core_seconds *= (process_time() - processor) / (perf_counter() - began)
        outputs = [output for outputs in self.outputs.values() for output in outputs.values()]
        return Outcome(
            self.meters,
            {name: site.load for name, site in self.sites.items()},
            self.central.load,
            self.troubles,
            self.wrong(),
            max(output.most for output in outputs),
            self.loop.events,
            sum(each for site in self.sites.values() for each in site.points.values()) * SECOND / STEP,
        )

    def wrong(self) -> list[str]:
        """Return what must not be, now that all has been calm for long."""
        found: list[str] = []
        now = self.loop.now
        for number, outputs in self.outputs.items():
            found += [f"shard {number} dropped {each.dropped} lines" for each in outputs.values() if each.dropped]
            run = self.runs[number]
            for name, task in run.core.tasks.items():
                site, landing = self.sites[name.source], run.landings[name]
                if points := self.lacks(site, task.stream, 3 * self.setting.interval):
                    found.append(f"{name.label}: central lacks {points} points")
                settled = min(site.clock(now), now) - PROOFS - self.setting.lookback
                believed = landing.believed()
                proved = believed.mark.proved if believed is not None else Spans()
                each = site.points[name]
                there = site.there(now).clip(task.stream.start.date or 0, settled)
                if unproved := count(there - proved, each):
                    found.append(f"{name.label}: {unproved} points are not proved")
                if false := count((site.there(now) & proved) - landing.there, each):
                    found.append(f"{name.label}: {false} points are called proved, and central lacks them")
                if task.course.holds.by_field or task.course.aside:
                    found.append(f"{name.label}: held {task.course.holds.points}, aside {task.course.aside}")
        return found
