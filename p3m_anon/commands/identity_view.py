"""What a person sees of the identity figures: one line a rate, chance and faces beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3m_anon.faces.linkage import Rate
    from p3m_anon.jobs.audit.identity import IdentityFigures


def identity_lines(figures: IdentityFigures) -> list[str]:
    """The figures in words; rates without faces are left out."""
    source = "as --persons says" if figures.persons_from == "file" else "as the embedder links the clear faces"
    lines = [
        f"identity ({figures.embedder}): {figures.faces} faces in {figures.pictures} pictures, {figures.persons} "
        f"persons, {source}; {figures.left_out} faces left out"
    ]
    for scene, figure in figures.originals.items():
        lines.append(
            f"  {scene} to its original: similarity {figure.similarity['0.5']:.2f} (median), {figure.accepted:.0%} "
            f"taken for one person; rank-1 {_words(figure.rank1)}"
        )
    for scene, linkage in figures.linkage.items():
        rates = {"rank-1": linkage.rank1, "accepted at 1 % false accepts": linkage.true_accept}
        words = [f"{name} {_words(rate)}" for name, rate in rates.items() if rate is not None]
        if words:
            lines.append(f"  {scene}, other pictures of the person: {'; '.join(words)}")
    if all(linkage.rank1 is None for linkage in figures.linkage.values()):
        lines.append("  no person has two pictures, so links between pictures were not measured")
    return lines


def _words(rate: Rate) -> str:
    return f"{rate.value:.2f} [{rate.low:.2f}, {rate.high:.2f}], chance {rate.chance:.2f}, {rate.faces} faces"
