"""What all answers of the API have in common."""

from pydantic import BaseModel, ConfigDict


class ResponseModel(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(
        frozen=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )
