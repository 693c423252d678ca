"""Bags that were broken off, in a run or by themselves, and what `drift data repair` makes of them."""

from collections.abc import Iterator
from pathlib import Path


def bags_to_repair(named: Path) -> list[Path]:
    """Return a bag itself, or what was broken off in the folder `bags` of a run."""
    from drift_formats.bags.layout import is_bag
    from drift_formats.bags.repair import broken_off_bags

    return [named] if is_bag(named) else broken_off_bags(named / "bags")


def repair_bags(bags: list[Path], dry_run: bool) -> Iterator[str]:
    """Make bags whole, and yield what became of each."""
    from drift_formats.bags.repair import check_repairable, repair

    for bag in bags:
        if dry_run:
            check_repairable(bag)
            yield f"bag {bag}: would be made whole"
            continue
        told = repair(bag)
        left_out = {
            f"{told.left_over_bytes} bytes at the end": told.left_over_bytes,
            f"{len(told.broken_chunks)} broken chunks": len(told.broken_chunks),
            f"{told.undescribed} messages of channels that stood in them": told.undescribed,
        }
        rest = ", ".join(text for text, count in left_out.items() if count)
        rest = f"; left out: {rest}" if rest else ""
        kept = ", ".join(map(str, told.kept))
        kept = f"; more than its end was damaged, the original is kept: {kept}" if kept else ""
        yield f"bag {bag}: made whole, {told.messages} messages{rest}{kept}"
