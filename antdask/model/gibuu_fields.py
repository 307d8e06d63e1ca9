"""Fields of neutrino interactions as GiBUU writes them (tree RootTuple): a nucleus at rest, no place in the sea, no time."""

from __future__ import annotations

from antdask.model.schema import REAL, Field

GIBUU = ("gibuu",)

# One line per field, however long.
# fmt: off

#: What evType says: the enumeration of GiBUU (documentation of its neutrino code, and km3buu). 3 to 31 are resonances, numbered as GiBUU does.
INTERACTIONS = (
    (1, "QE"), (2, "Delta"), *((n, f"resonance_{n}") for n in range(3, 32)), (32, "pi_background_on_neutron"), (33, "pi_background_on_proton"), (34, "DIS"),
    (35, "2p2h_QE"), (36, "2p2h_Delta"), (37, "2pi_background"),
)


def _number(name: str, text: str, ucd: str = "meta.number", flags: tuple[tuple[int, str], ...] = ()) -> Field:
    return Field(name, "i4", "1", text, ucd, origins=GIBUU, missing="-2147483648", flags=flags)


def _real(name: str, unit: str, text: str, ucd: str = "", missing: str = "NaN") -> Field:
    return Field(name, "f8", unit, text, ucd, origins=GIBUU, missing=missing, codec=REAL)


GIBUU_EVENT = (
    _real("perturbative_weight", "1", "share of the interaction in the cross section per nucleon, in 10^-38 cm2; their sum over a file is the cross section, averaged over the generated energies, and over n files of the same settings n times that; small negative ones occur (weight)", missing=""),
    _number("n_ensembles", "ensembles of the calculation; the weights are divided by them already (numEnsembles)"),
    _number("n_calculations", "runs of the calculation with the same settings (numRuns)"),
    _number("flavor_id", "flavour of the incoming lepton (flavor_ID)", "meta.code.class", ((1, "electron"), (2, "muon"), (3, "tau"))),
    _number("process_id", "process; negative for antiparticles (process_ID)", "meta.code.class", ((1, "EM"), (2, "CC"), (3, "NC"), (-1, "anti_EM"), (-2, "anti_CC"), (-3, "anti_NC"))),
    _number("interaction_type", "kind of the interaction in the numbering of GiBUU (evType)", "meta.code.class", INTERACTIONS),
    _number("nucleon_charge", "charge of the nucleon that was hit, in units of the elementary charge (nuc_charge)"),
)

#: Of a particle: where in the nucleus it is, in another unit than places in a detector, so that none can be taken for the other.
GIBUU_PARTICLE = (
    _real("nucleus_x", "fm", "x in the nucleus, whose centre is 0, at the end of the calculation", "pos.cartesian.x", "NaN (leptons and the nucleon that was hit)"),
    _real("nucleus_y", "fm", "y in the nucleus, likewise", "pos.cartesian.y", "NaN (leptons and the nucleon that was hit)"),
    _real("nucleus_z", "fm", "z in the nucleus, along the beam, likewise", "pos.cartesian.z", "NaN (leptons and the nucleon that was hit)"),
)
