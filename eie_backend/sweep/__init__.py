"""Design-space exploration: machines, recipes and models, measured and compared.

``docs/sweep.md`` is the user's page. Data flows one way: `spec` says what may vary (`parameters`,
`space`), `plan` which design is next (`pruning`), `bench` measures it on any workers (`network`),
`study` keeps the outcome, `front` compares, `page` and `pictures` show.
"""

from eie_backend.sweep.bench import Bench, Outcome
from eie_backend.sweep.run import Row, Sweep, sweep
from eie_backend.sweep.space import Choices, Design, Range
from eie_backend.sweep.spec import Search, Spec, read_spec
from eie_backend.sweep.study import Study, sqlite_url

__all__ = [
    "Bench",
    "Choices",
    "Design",
    "Outcome",
    "Range",
    "Row",
    "Search",
    "Spec",
    "Study",
    "Sweep",
    "read_spec",
    "sqlite_url",
    "sweep",
]
