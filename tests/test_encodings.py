import pytest

from mote_demo.data.encodings import ENCODINGS, decode
from mote_demo.errors import UserError

WORDS = {
    "cp1250": "Gdzie jest moja przesyłka?|Żarówka nie działa|Dziękuję za szybką obsługę|Zły rozmiar, chcę wymienić",
    "cp1251": "Где моя посылка?|Лампа не работает|Спасибо за быстрый ответ|Размер слишком маленький",
    "cp1252": "Wo ist mein Päckchen?|Die Lampe läuft nicht|Vielen Dank für die Hilfe|Größe ist zu klein",
    "cp1253": "Πού είναι το δέμα μου;|Η λάμπα δεν λειτουργεί|Ευχαριστώ για την απάντηση|Το τιμολόγιο έχει λάθος",
    "cp1254": "Kargom nerede, bilmiyorum ki|Lamba dünden beri çalışmıyor|Hızlı cevap için teşekkürler|Ölçüsü çok küçük",
    "cp1255": "איפה החבילה שלי?|המנורה לא עובדת מאתמול|תודה על התשובה המהירה|יש טעות בחשבונית",
    "cp1256": "أين طردي؟|المصباح لا يعمل منذ أمس|شكرا على الرد السريع|يوجد خطأ في الفاتورة",
    "cp1257": "Kur mano siuntinys?|Noriu susigrąžinti pinigus|Ačiū už greitą atsakymą|Sąskaitoje yra klaida",
    "cp874": "พัสดุของฉันอยู่ที่ไหน|ต้องการเงินคืน|ขอบคุณสำหรับคำตอบที่รวดเร็ว|เปลี่ยนที่อยู่ได้ไหม",
    "koi8-r": "Где моя посылка?|Лампа не работает|Спасибо за быстрый ответ|Размер слишком маленький",
    "cp866": "Где моя посылка?|Лампа не работает|Спасибо за быстрый ответ|Размер слишком маленький",
    "gbk": "我的包裹在哪里|灯从昨天开始不亮了|谢谢你们的快速回复|发票有错误",
    "big5": "我的包裹在哪裡|燈從昨天開始不亮了|謝謝你們的快速回覆|發票有錯誤",
    "cp932": "荷物はどこですか|電気が昨日からつきません|早いお返事ありがとう|請求書に間違いがあります",
    "euc_jp": "荷物はどこですか|電気が昨日からつきません|早いお返事ありがとう|請求書に間違いがあります",
    "cp949": "제 택배 어디 있어요|전등이 어제부터 안 켜져요|빠른 답변 감사합니다|청구서에 오류가 있어요",
}


def read(data, encoding=None):
    text = decode(data, "a.csv", encoding)
    with text.open() as file:
        return file.read(), text.notes


@pytest.mark.parametrize("encoding", WORDS)
@pytest.mark.parametrize("rows", [4, 40])
def test_an_encoding_of_windows_is_told_by_a_few_rows(encoding, rows):
    words = WORDS[encoding].split("|")
    content = "text;label\r\n" + "".join(f"{words[n % 4]};{'ab'[n % 2]}\r\n" for n in range(rows))
    text, notes = read(content.encode(encoding))
    assert text == content
    assert len(notes) == 1
    assert "because it is not UTF-8" in notes[0]


@pytest.mark.parametrize(
    "content",
    ["It’s broken – I want my money back", "“Great” product, didn’t last", "Dov’è il mio pacco? Perché così?", "£20"],
)
def test_punctuation_of_western_windows_is_told_by_one_row(content):
    assert read(content.encode("cp1252"))[0] == content


def test_a_few_bad_bytes_in_utf_8_are_replaced_and_their_lines_named():
    lines = [f"größer {n}".encode() for n in range(40)]
    lines[7] += b"\xff"
    lines[20] = b"caf\xe9 " + lines[20]
    text, notes = read(b"\n".join(lines))
    assert text.count("größer") == 40
    assert text.count("\ufffd") == 2
    assert notes == ("Replaced bytes that are not UTF-8 by \ufffd in lines 8 and 21.",)
    assert notes[0].rows == (8, 21)


def test_utf_8_that_is_cut_in_a_letter_is_read():
    text, notes = read("text\n我的包裹在哪里\n灯从昨天开始不亮了".encode()[:-1])
    assert text.startswith("text\n我的包裹在哪里\n灯从昨天开始不亮")
    assert notes[0].rows == (3,)


def test_many_bad_lines_are_counted():
    lines = ["é".encode() * 4 + b"\xff"] * 30
    assert "in lines 1, 2, 3, 4, 5 and 25 more." in read(b"\n".join(lines))[1][0]


def test_an_encoding_may_be_given_and_what_does_not_fit_it_is_named():
    assert read("Где".encode("cp1251"), "cp1251") == ("Где", ())
    assert read("Где".encode("cp1251"), "cp1252")[0] == "Ãäå"
    assert read("\ufeffGröße".encode(), "utf-8") == ("Größe", ())
    assert read("Größe\nGröße".encode("utf-16-le"), "utf-16-le") == ("Größe\nGröße", ())
    text, notes = read("a\nGröße".encode("cp1252"), "utf-8")
    assert text == "a\nGr\ufffd\ufffde"
    assert notes[0].rows == (2,)


@pytest.mark.parametrize("encoding", ["nonsense", "rot13", "base64", ""])
def test_what_is_no_encoding_is_refused_with_the_choices(encoding):
    with pytest.raises(UserError, match="encoding.*'cp1251'"):
        decode(b"text", "a.csv", encoding)


def test_every_offered_encoding_is_known():
    for encoding in ENCODINGS:
        assert read("text,label\na,b\n".encode(encoding), encoding)[0].endswith("a,b\n")
