import pytest

from finetune.personal import personal_data


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to ada.lind@norvik.co.uk please", "e-mail"),
        ("my number is +44 20 7946 0958", "phone"),
        ("call 030 901820 before noon", "phone"),
        ("(212) 555-0123", "phone"),
        ("pay to DE89 3704 0044 0532 0130 00 today", "bank account"),
        ("GB82WEST12345698765432", "bank account"),
        ("card 4111 1111 1111 1111, valid until May", "payment card"),
    ],
)
def test_personal_data_is_flagged(text, kind):
    assert kind in personal_data(text)


@pytest.mark.parametrize(
    "text",
    [
        "39,344 rows at 1.5e-4 on 2 x 80 GB",
        "since 2025-01-02 10:00:00 the endpoint 192.168.100.101 is down",
        "loss 0.0012345678 at step 00123456",
        "version 0.12.1 of torch-24b",
        "write to team@example.com",
        '{"model_b": 70, "card_gb": 141, "examples": 19858, "memory_lora_gb": 215.6}',
        "job 1234 1234 1234 1234",
        "Mara and Priya",
    ],
)
def test_figures_of_work_are_no_personal_data(text):
    assert personal_data(text) == ()
