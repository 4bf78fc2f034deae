"""What the name of a column says that it holds, in the languages that tables are often written in."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

# Names of each meaning, the usual ones first; compared without case, accents, spaces and signs.
_NAMES: Mapping[str, str] = {
    "label": "labeltext labelname label labels category categories class classes classname topic topics intent "
    "intents choice annotation annotations target tag tags sentiment emotion polarity genre mood group theme "
    "subject type kind klasse kategorie kategorien thema absicht stimmung etikett etikette kennzeichnung "
    "categorie classe etiquette sujet intention etiqueta categoria clase tema sentimiento intencion etichetta "
    "sentimento rotulo classificacao etykieta kategoria klasa temat метка категория класс тема тональность "
    "намерение 标签 类别 分类 主题 意图 情感 標籤 類別 分類 ラベル カテゴリ カテゴリー 感情 라벨 레이블 분류 "
    "카테고리 주제 etiket sinif kategori konu ประเภท หมวดหมู่ ป้ายกำกับ श्रेणी लेबल تصنيف فئة",
    "text": "text texts body content message messages comment comments review reviews utterance post tweet "
    "sentence sentences passage document description abstract article input data summary note notes headline "
    "feedback complaint transcript satz nachricht inhalt kommentar bewertungstext beschreibung rezension beitrag "
    "texte contenu message commentaire avis phrase texto mensaje contenido comentario resena oracion frase "
    "descripcion testo messaggio contenuto commento recensione mensagem conteudo avaliacaotexto tresc tekst "
    "wiadomosc komentarz opinia zdanie текст сообщение отзыв комментарий предложение содержание 文本 内容 评论 "
    "句子 文章 消息 正文 テキスト 本文 文 レビュー コメント 텍스트 본문 내용 리뷰 문장 metin yorum mesaj cumle "
    "ข้อความ เนื้อหา टेक्स्ट पाठ نص النص",
    "title": "title titles subject headline heading head name betreff titel uberschrift titre objet sujet titulo "
    "asunto titolo oggetto assunto tytul temat заголовок название тема 标题 題目 题目 タイトル 件名 제목 baslik",
    "query": "query question anchor search queries questions prompt instruction frage fragen suchanfrage anfrage "
    "requete pregunta consulta domanda pergunta pytanie zapytanie вопрос запрос 问题 提问 查询 質問 クエリ 질문 "
    "질의 soru sorgu คำถาม प्रश्न سؤال السؤال",
    "positive": "positive pos positives answer answers positivepassage relevant response reply passage document "
    "doc context output completion resolution solution antwort antworten reponse respuesta risposta resposta "
    "odpowiedz ответ 答案 回答 回复 答え 応答 답변 대답 응답 cevap yanit คำตอบ उत्तर إجابة الجواب",
    "negative": "negative neg hardnegative negatives hardnegatives negativepassage",
    "likeness": "similarity similarityscore sim simscore relatedness relatednessscore relatedscore sts stsscore "
    "semanticsimilarity isduplicate duplicate isparaphrase paraphraselabel issimilar similar issame same ismatch "
    "match matching equivalent relevance relevancy relevancescore relevancelabel relevant isrelevant entailment "
    "entailmentjudgment entailmentlabel nli nlilabel cosine cosinesimilarity closeness ahnlichkeit "
    "ahnlichkeitswert relevanz duplikat similarite ressemblance pertinence similitud semejanza parecido "
    "relevancia somiglianza similarita rilevanza similaridade semelhanca podobienstwo trafnosc сходство близость "
    "похожесть релевантность 相似度 相似性 相关性 类似度 関連度 유사도 관련성 benzerlik gelijkenis overeenkomst "
    "likhet lighed คะแนนความคล้าย समानता تشابه",
    "grade": "score scores rating ratings grade grades stars star gold goldscore goldlabel quality judgment "
    "judgement humanscore meanscore averagescore avgscore mean average degree points mark marks rank "
    "relevancegrade bewertung note wertung punkte punktzahl sterne evaluation etoiles puntuacion calificacion "
    "nota puntaje valoracion estrellas punteggio voto valutazione stelle pontuacao avaliacao estrelas ocena "
    "punkty оценка балл баллы рейтинг 分数 得分 评分 打分 スコア 評価 点数 점수 평점 puan คะแนน अंक تقييم درجة",
    "id": "id ids uid uuid guid hash md5 sha key pk index idx row rownum rowid no nr num number serial unnamed "
    "qid docid pairid nummer numero numer identifiant identificador номер 编号 序号 番号 번호",
    "date": "date dates time timestamp datetime day month year created createdat updated updatedat modified "
    "posted published datum zeit uhrzeit fecha hora heure дата время 日期 时间 日付 日時 날짜 시간 tarih",
    "link": "url urls link links href uri website web image img picture photo file filename filepath path email "
    "mail lien enlace ссылка 链接",
    "split": "split fold partition subset",
    "person": "author authors annotator annotators worker workers workerid rater raters coder coders labeler "
    "labeller annotatedby labeledby reviewer assignee agent editor username user userid phone autor autorin "
    "auteur autore annotatore annotateur anotador annotatorin bearbeiter nutzer benutzer utilisateur usuario "
    "utente автор аннотатор разметчик пользователь 作者 用户 标注员 标注者 ユーザー 작성자 yazar",
    "status": "status state stan statut estado stato статус 状态 ステータス 상태 durum",
    "attribute": "language lang locale country city region source platform device channel gender age version ip "
    "zip sprache land quelle pais idioma langue lingua język jezyk язык 语言 来源 price amount count length size "
    "likes votes upvotes downvotes shares retweets views confidence clicks",
}
_GENERIC = """
text texts txt string str raw clean cleaned processed full original value values name names field column the a of in by
my user customer client en de fr es english gold true final human manual is
"""
_TEXT = frozenset(["text", "texts", "txt", "string", "str"])
_MOST_WORDS = 4
_CAMEL = re.compile(r"(?<=[a-z\d])(?=[A-Z])")
_TOKEN = re.compile(r"\d+|[^\W\d_]+")


@dataclass(frozen=True)
class Meaning:
    """Say what a name means.

    Attributes:
        kinds: what it may mean, such as "text" or "id"; none where nothing is known.
        exact: whether the whole name says so, or one of its words.
        order: of more usual names is lower.
    """

    kinds: Mapping[str, int]
    exact: bool

    def __contains__(self, kind: str) -> bool:
        return kind in self.kinds

    def order(self, kind: str) -> tuple[bool, int]:
        """Return what to sort columns of one kind by: whole and usual names come first."""
        return not self.exact, self.kinds[kind]


def tokens(name: str) -> list[str]:
    """Split a name into plain words and numbers: "sentence_A" and "sentenceA" are ["sentence", "a"]."""
    spaced = unicodedata.normalize("NFKD", _CAMEL.sub(" ", name).casefold())
    return _TOKEN.findall("".join(letter for letter in spaced if unicodedata.category(letter) != "Mn"))


@cache
def meaning(name: str) -> Meaning:
    """Tell what a column of this name holds: by the whole name or else by the last of its words that says something."""
    words = tokens(name)
    known = _known_names()
    whole = known.get("".join(words))
    if whole or len(words) > _MOST_WORDS:
        return Meaning(whole or {}, bool(whole))
    telling = [word for word in words if _tells_something(word)]
    for position, word in enumerate(reversed(telling)):
        kinds = known.get(word)
        if kinds:
            return Meaning(_without_id(kinds, telling[: len(telling) - position - 1]), False)
    return Meaning({"text": len(known)} if _TEXT & set(words) else {}, False)


def _tells_something(word: str) -> bool:
    """Leave numbers, single letters and words that go with anything out; one sign of Chinese is a word."""
    is_letter = len(word) == 1 and word < "\u0250"
    return not (word.isdigit() or is_letter or word in _GENERIC.split())


def _without_id(kinds: Mapping[str, int], before: list[str]) -> Mapping[str, int]:
    """Take "label_id" for a label: it numbers the labels, not the rows."""
    named = _known_names().get(before[-1], {}) if before and "id" in kinds else {}
    return {"label": named["label"]} if "label" in named else kinds


@cache
def _known_names() -> dict[str, dict[str, int]]:
    known: dict[str, dict[str, int]] = {}
    for kind, names in _NAMES.items():
        for order, name in enumerate(dict.fromkeys("".join(tokens(name)) for name in names.split())):
            known.setdefault(name, {})[kind] = order
    return known
