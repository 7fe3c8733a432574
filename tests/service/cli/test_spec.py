import pytest

from service.cli.errors import InvalidFieldsError, error_lines
from service.cli.spec import spec_of


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"max_train_images": 64}, "max_train_images: {}; did you mean search.max_train_images?"),
        ({"search": {"widht": 0.5}}, "search.widht: {}; did you mean search.width?"),
        ({"traget_runtime_ms": 80}, "traget_runtime_ms: {}; did you mean target_runtime_ms?"),
        ({"resources": {"gpu": 1}}, "resources.gpu: {}; did you mean resources.gpus?"),
        ({"zzz": 1}, "zzz: {}"),
    ],
)
def test_an_unknown_field_is_met_with_the_one_that_it_may_stand_for(
    fields: dict[str, object], line: str
) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        spec_of({"target_runtime_ms": 80, **fields})
    assert error_lines(refused.value) == (line.format("is not a known field"),)
