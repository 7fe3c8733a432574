"""Solvers that a study can name."""

from fastapi import APIRouter

from service.api.schemas import SolverInfo, SolverList
from solver.registry import SOLVERS

router = APIRouter(prefix="/v1/solvers", tags=["solvers"])


@router.get("")
async def list_solvers() -> SolverList:
    """List the solvers, each with the JSON schema of its options."""
    return SolverList(
        solvers=tuple(
            SolverInfo(
                kind=solver.model_fields["kind"].default,
                description=solver.description,
                options=solver.model_json_schema(),
            )
            for solver in SOLVERS
        )
    )
