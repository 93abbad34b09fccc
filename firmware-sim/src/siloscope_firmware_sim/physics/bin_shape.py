"""The grid of a bin: a column of cells round each cable, a cell for each sensor below the grain's surface.

Cable 1 hangs in the middle, the others on a ring at 0.7 of the radius. The core of radius 0.4 R belongs to the middle
cable, the rest is cut into equal sectors. Heat passes between the faces of neighbouring cells, through the wall, into
the head space and into the floor. Conductivity, density and specific heat are those of yellow corn (ASABE D243.4).
"""

import math
from dataclasses import dataclass

CONDUCTIVITY_W_M_K = 0.17
DENSITY_KG_M3 = 720.0
HEAT_J_KG_K = 2000.0
_CORE = 0.4
_RING = 0.7
_WALL_FILM_W_M2_K = 10.0
_SURFACE_FILM_W_M2_K = 5.0
_FLOOR_FILM_W_M2_K = 2.0


@dataclass(frozen=True)
class BinShape:
    """Dimensions of a round bin with cables.

    Attributes:
        diameter_m: Inner diameter.
        eave_height_m: Height of the wall.
        cables: 3 to 5: one in the middle, the others round it.
        levels: Sensors on each cable, evenly over the height, level 1 lowest.
        grain_levels: Levels below the surface of the grain; the sensors above hang in the head space.
    """

    diameter_m: float
    eave_height_m: float
    cables: int
    levels: int
    grain_levels: int

    @property
    def radius_m(self) -> float:
        return self.diameter_m / 2

    @property
    def layer_m(self) -> float:
        """Height of a cell."""
        return self.eave_height_m / self.levels

    @property
    def floor_m2(self) -> float:
        return math.pi * self.radius_m**2

    @property
    def cells(self) -> int:
        return self.cables * self.grain_levels

    @property
    def head_space_m3(self) -> float:
        """Air above the grain: the empty part of the cylinder and a roof of 30° pitch."""
        roof_m3 = self.floor_m2 * self.radius_m * math.tan(math.radians(30)) / 3
        return roof_m3 + self.floor_m2 * self.layer_m * (self.levels - self.grain_levels)

    def cell(self, cable: int, level: int) -> int:
        """Return the index of a cell; cable and level count from 1."""
        return (level - 1) * self.cables + cable - 1

    def column_m2(self, cable: int) -> float:
        """Return the cross-section of a cable's column."""
        core_m2 = self.floor_m2 * _CORE**2
        return core_m2 if cable == 1 else (self.floor_m2 - core_m2) / (self.cables - 1)

    def cell_kg(self, cable: int) -> float:
        """Return the mass of grain in a cell."""
        return self.column_m2(cable) * self.layer_m * DENSITY_KG_M3

    def links(self) -> list[tuple[int, int, float]]:
        """Return (cell, cell, W/K) for every pair of neighbours."""
        return [link for level in range(1, self.grain_levels + 1) for link in self._links_of(level)]

    def wall_w_k(self) -> float:
        """Return the conductance of a ring cell through the wall."""
        face_m2 = 2 * math.pi * self.radius_m * self.layer_m / (self.cables - 1)
        return face_m2 / ((1 - _RING) * self.radius_m / CONDUCTIVITY_W_M_K + 1 / _WALL_FILM_W_M2_K)

    def surface_w_k(self, cable: int) -> float:
        """Return the conductance of a top cell to the head space."""
        return self.column_m2(cable) / (self.layer_m / 2 / CONDUCTIVITY_W_M_K + 1 / _SURFACE_FILM_W_M2_K)

    def floor_w_k(self, cable: int) -> float:
        """Return the conductance of a bottom cell to the plenum and the ground."""
        return self.column_m2(cable) / (self.layer_m / 2 / CONDUCTIVITY_W_M_K + 1 / _FLOOR_FILM_W_M2_K)

    def _links_of(self, level: int) -> list[tuple[int, int, float]]:
        ring = range(2, self.cables + 1)
        sectors = len(ring)
        inwards = 2 * math.pi * _CORE * self.radius_m * self.layer_m / sectors / (_RING * self.radius_m)
        sideways = (1 - _CORE) * self.layer_m / (2 * math.pi * _RING / sectors)
        found = [(self.cell(1, level), self.cell(cable, level), CONDUCTIVITY_W_M_K * inwards) for cable in ring]
        for at, cable in enumerate(ring):
            neighbour = ring[(at + 1) % sectors]
            found.append((self.cell(cable, level), self.cell(neighbour, level), CONDUCTIVITY_W_M_K * sideways))
        if level < self.grain_levels:
            for cable in range(1, self.cables + 1):
                upwards = CONDUCTIVITY_W_M_K * self.column_m2(cable) / self.layer_m
                found.append((self.cell(cable, level), self.cell(cable, level + 1), upwards))
        return found
