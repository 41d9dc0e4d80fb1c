#include "replica/randomuser_names.h"

#include <array>
#include <unordered_map>

namespace penstock::replica {
namespace {

/// A nation as written below; lists are separated by '|'.
struct Written {
    std::string_view code, country, male, female, last, streets, cities, states;
    std::string_view postcode_format;
    std::uint32_t postcode_from, postcode_to;
    std::string_view phone, cell, id_name, id_format;
};

// Some names end in a blank or hold an apostrophe, some places a comma: the API's data does, and what reads
// it must cope.
// clang-format off: it breaks the texts anew each time
constexpr auto written = std::to_array<Written>({
    {"AU", "Australia",
     "Jack|Liam|Noah|Oscar|Riley|Max|Lachlan|Cooper|Hamish|Darcy|Angus|Bailey|Zachary|Flynn|Harley|Toby|"
     "Nathan|Declan",
     "Ella|Olivia|Mia|Zoe|Ruby|Amber|Matilda|Tahlia|Imogen|Georgia|Kylie|Sienna|Jasmine|Poppy|Holly|Lauren|"
     "Bronte|Freya",
     "Mitchell|Walker|Hughes|Kelly|Price|Ward|Wallace|Sutton|Barrett|Lawson|Fleming|Harvey|Burton|Gibson|"
     "Chandler|Porter|Hale|Reid|Steeves |Duncan|Marsh|Horton|Neal|Bowman|Curtis|Doyle",
     "Hickory Creek Drive|Mockingbird Lane|Fincher Road|Wheeler Ridge Road|Eucalypt Avenue|Stockmans "
     "Way|Harbour Street|Bondi Road|Northaven Road|Saddle Drive|Cockatoo Court|Spring Hill Road",
     "Cairns|Hobart|Darwin|Perth|Geelong|Bunbury|Mackay|Dubbo|Albury|Orange|Bendigo|Tamworth|Ballarat|"
     "Wollongong",
     "Queensland|Tasmania|Victoria|New South Wales|South Australia|Western Australia|Northern "
     "Territory|Australian Capital Territory",
     "", 200, 9999, "0#-####-####", "04##-###-###", "TFN", "#########"},
    {"BR", "Brazil",
     "Davi|Caio|Breno|Luan|Otávio|Vitor|Cíntio "
     "|Murilo|Heitor|Ícaro|Thales|Renan|Júlio|Anselmo|Raul|Edson|Joaquim|Nélio",
     "Lívia|Beatriz|Alice|Clara|Eloá|Bianca|Catarina|Yasmin|Jéssica|Flávia|Rosana|Tainá|Núbia|Débora|Ana|"
     "Marisa|Inês|Letícia",
     "Costa|Silva|Moura|Araújo|Pinto|Teixeira|da Rocha|Nogueira|Cardoso|Gonçalves|das "
     "Neves|Peixoto|Freitas|da "
     "Paz|Moraes|Barros|Azevedo|Caldeira|Fogaça|Novaes|Duarte|Porto|Campos|Viana|Ramos|Mendes",
     "Rua São Luiz|Rua Bela Vista|Avenida Brasil|Rua Três|Rua das Flores|Rua Castro Alves|Rua Sete de "
     "Setembro|Travessa do Sol|Avenida Vinícius de Moraes|Rua Maranhão|Rua da Paz|Rua Santos Dumont",
     "Recife|Natal|Manaus|Santos|Macapá|Itajaí|Olinda|Betim|Taubaté|Cubatão|Ilhéus|Crato|Sobral|Marília",
     "Bahia|Paraná|Ceará|Acre|Minas Gerais|Goiás|Pernambuco|Rondônia|Santa Catarina|Mato Grosso do Sul", "",
     10000, 99999, "(##) ####-####", "(##) ####-####", "CPF", "###.###.###-##"},
    {"CA", "Canada",
     "Logan|Ethan|Lucas|William|Felix|Nathan|Xavier|Olivier|Benjamin|Alexis|Antoine|Noah|Jeremy|Hudson|"
     "Thomas|Philippe|Simon|Owen",
     "Emma|Léa|Chloe|Rosalie|Maya|Alice|Maëlle|Zoé|Ophélie|Victoria|Emy|Camille|Addison|Sophia|Jade|Lily|"
     "Florence|Béatrice",
     "Roy|Tremblay|Gagnon|Martin|Singh|Wong|Côté|Bouchard|Pelletier|Novak|Gill|Park|Lavoie|Mackay|Bélanger|"
     "Fortin|Ouellet|White|Ross|Wilson|Thompson|Brar|Claire|Denys|Anderson|Ennis",
     "Lake of Bays Road|Dufferin St|Elgin St|Victoria Ave|Maple Ave|Bay Ave|Concession Road 6|Queen St|King "
     "St|Dieppe Ave|Main St|Grand Marais Ave",
     "Halifax|Sudbury|Red Deer|Kelowna|Moncton|Chatham|Hudson|Bath|Georgetown|Aylmer|Sidney|Fauquier|St. "
     "George|Beaumont",
     "Ontario|Alberta|Nova Scotia|Québec|Manitoba|Yukon|Nunavut|British Columbia|Prince Edward "
     "Island|Newfoundland and Labrador",
     "@#@ #@#", 0, 0, "@## @##-####", "@## @##-####", "SIN", "#########"},
    {"CH", "Switzerland",
     "Luca|Reto|Beat|Urs|Jonas|Marco|Fabio|Renato|Hans-Ulrich|Silvan|Jean-Luc|Aurelio|Pirmin|Theo|Lukas|"
     "Andri|Gian|Yves",
     "Lara|Nina|Sofia|Elena|Mia|Lea|Heidi|Chiara|Marie-Louise|Valérie|Seraina|Ladina|Noëlle|Regula|Vreni|"
     "Claire|Anaïs|Elin",
     "Müller|Meier|Roux|Fontaine|Schmid|Keller|Baumann|Brunner|Picard|Gerber|Frei|Zürcher|Fournier|Olivier|"
     "Garnier|Rochat|Perrin|Caduff|Bianchi|Rey|Dumont|Moser|Wyss|Hänni|Lüthi|Blanc",
     "Rue Dugas-Montbel|Bahnhofstrasse|Place du Bachut|Seestrasse|Rue de l'Église|Dorfstrasse|Rue des "
     "Écoles|Via Nassa|Hauptstrasse|Chemin des Vignes|Rue du Lac|Montée du Chemin-Neuf",
     "Chur|Aarau|Genève|Thun|Lugano|Olten|Sion|Zug|Val-de-Ruz|Crans-près-Céligny|Uster|Bellinzona|Wil|Nyon",
     "Bern|Uri|Vaud|Ticino|Graubünden|Neuchâtel|Zürich|Valais|Basel-Stadt|Obwalden", "", 1000, 9999,
     "0## ### ## ##", "07# ### ## ##", "AVS", "756.####.####.##"},
    {"DE", "Germany",
     "Jonas|Lukas|Uwe|Karl|Jürgen|Emil|Hans-Dieter|Rüdiger|Götz|Sören|Matthias|Falk|Torben|Ingo|Janosch|"
     "Volker|Henning|Klaus-Peter",
     "Anna|Lena|Greta|Marie|Heidi|Käthe|Annegret|Ute|Björk|Friederike|Gisela|Svenja|Rosemarie|Käte|Antje|"
     "Wiebke|Elfriede|Hannelore",
     "Schröder|Weiß|Becker|Krüger|Lange|Böhm|Kunze|Groß|Schütz|von der "
     "Heide|Straub|Pöhler|Jäger|Vogt|Heß|Reinhardt|Dörr|Lindner|Kühn|Ebert|Strauß|Marx|Thiel|Ullrich|Röder|"
     "Haase",
     "Lindenstraße|Gartenweg|Am Bahnhof|Kirchgasse|Mühlenweg|Schulstraße|Bergstraße|Birkenallee|Im "
     "Winkel|Jahnstraße|Rosenweg|Waldstraße",
     "Ulm|Köln|Jena|Münster|Görlitz|Halle (Saale)|Worms|Bad Tölz|Rottenburg am "
     "Neckar|Stade|Würzburg|Esens|Zell im Wiesental|Löbau",
     "Bayern|Hessen|Sachsen|Saarland|Thüringen|Baden-Württemberg|Schleswig-Holstein|Mecklenburg-Vorpommern|"
     "Bremen|Rheinland-Pfalz",
     "", 10000, 99999, "0###-#######", "017#-#######", "SVNR", "## ddmmy @ ###"},
    {"DK", "Denmark",
     "Mads|Oskar|Malthe|Villads|Emil|Oliver|Magnus|Sebastian|Jeppe|Tobias|Gustav|Bertram|Valdemar|Storm|"
     "Asger|Rasmus|Nikolaj|Søren",
     "Freja|Ida|Signe|Astrid|Laura|Emma|Mille|Liva|Josefine|Filippa|Silje|Cecilie|Clara|Nanna|Olivia|Vigga|"
     "Karla|Alberte",
     "Møller|Larsen|Kristensen|Poulsen|Nielsen|Olsen|Rasmussen|Sørensen|Jørgensen|Mortensen|Thomsen|Petersen|"
     "Christiansen|Andersen|Hansen|Madsen|Johansen|Jensen|Pedersen|Christensen|Østergaard|Kjær|Lund|Bech",
     "Nørregade|Skovvej|Kirkevej|Åparken|Bøgevej|Strandvejen|Møllevej|Rugvænget|Lyngvej|Søndergade|"
     "Teglværksvej|Birkevej",
     "Ribe|Odense|Roskilde|Aarhus|Skagen|Viby Sj.|Ryslinge|København "
     "S|Sandved|Aalborg|Hornslet|Nykøbing|Ølsted|Hurup",
     "Sjælland|Syddanmark|Hovedstaden|Nordjylland|Midtjylland", "", 1000, 9999, "########", "########", "CPR",
     "ddmmyy-####"},
    {"ES", "Spain",
     "Hugo|Álvaro|Iván|Sergio|Mario|Diego|Ángel|Rubén|Íñigo|Germán|Andrés|Joaquín|Óscar|Lorenzo|Nicolás|"
     "Xavier|Vicente|José Luis",
     "Lucía|Carmen|Nuria|Inés|Marta|Elena|Begoña|Mónica|Encarnación|Asunción|Rocío|Itziar|Noelia|Raquel|"
     "Sonia|Amparo|María Pilar|Yolanda",
     "Muñoz|Ibáñez|Vega|Romero|Nieto|Sanz|Giménez|Cabrera|Peña|Núñez|Domínguez|Caballero|Gutiérrez|Lozano|"
     "Prieto|Carmona|Santana|Blanco|Garrido|Reyes|Vicente|Márquez|Crespo|Ferrer|Ortiz|Flores",
     "Calle de Alcalá|Calle Mota|Paseo de Extremadura|Calle del Pez|Avenida de América|Calle de La "
     "Luna|Calle de Ferraz|Ronda de Toledo|Calle Covadonga|Avenida de Burgos|Calle del Prado|Plaza Mayor, "
     "bajo",
     "Gijón|Cuenca|Burgos|Almería|Huesca|Torrejón de Ardoz|Móstoles|La Coruña|Elche|Vigo|Hospitalet de "
     "Llobregat|Jerez de la Frontera|Santander|Alcobendas",
     "Galicia|Asturias|Aragón|La Rioja|Castilla la Mancha|País Vasco|Región de Murcia|Comunidad de "
     "Madrid|Islas Baleares|Extremadura",
     "", 10000, 99999, "9##-###-###", "6##-###-###", "DNI", "########-@"},
    {"FI", "Finland",
     "Eetu|Onni|Leo|Niilo|Ville|Väinö|Eemil|Oskari|Aleksi|Topias|Arttu|Veeti|Otto|Luukas|Konsta|Jimi|Akseli|"
     "Matias",
     "Aino|Helmi|Siiri|Emma|Venla|Iida|Enni|Aada|Minttu|Lumi|Pihla|Vilma|Sofia|Ellen|Kerttu|Nella|Julia|"
     "Ronja",
     "Korpela|Mäkelä|Niemi|Laine|Hakala|Ranta|Tuomi|Kivela|Annala|Heikkila|Lehto|Saarinen|Pulkkinen|Jokela|"
     "Lampo|Hokkanen|Wirta|Kantola|Rantala|Takala|Seppälä|Ahola|Kauppi|Marttila|Ylönen|Lakso",
     "Hämeenkatu|Mannerheimintie|Aleksanterinkatu|Bulevardi|Pispalan "
     "valtatie|Tahmelantie|Rotuaari|Fredrikinkatu|Esplanadi|Visiokatu|Siilitie|Mechelininkatu",
     "Oulu|Kotka|Turku|Vaasa|Pori|Sulkava|Ypäjä|Kökar|Savitaipale|Laitila|Hämeenlinna|Inari|Föglö|Kajaani",
     "Lapland|Kainuu|Uusimaa|Satakunta|Ostrobothnia|Southern Savonia|Åland|Päijät-Häme|Central "
     "Finland|Pirkanmaa",
     "", 10000, 99999, "0#-###-###", "04#-###-##-##", "HETU", "NaNNA###un\\define\\d"},
    {"FR", "France",
     "Louis|Gabin|Noé|Théo|Hugo|Jules|Célestin|Gaël|Loïs|Amaury|Maël|Timothée|Bastien|Élie|Côme|Rémy|Jean-"
     "Baptiste|Diego",
     "Louise|Manon|Inès|Zoé|Léna|Clara|Maëva|Éléonore|Héloïse|Apolline|Garance|Ninon|Coline|Séléna|Loane|"
     "Agathe|Maïwenn|Margot",
     "Dupont|Lefèvre|Roussel|Faure|Girard|Morel|Lemoine|Joly|Caron|Gaillard|Da "
     "Silva|Leclercq|Renard|Sanchez|Charles|Barbier|Le "
     "Gall|Philippe|Rolland|Duval|Guérin|Chevalier|Vidal|Meunier|Brun|Rey",
     "Rue de l'Abbaye|Avenue Jean-Jaurès|Rue Barrème|Quai Chauveau|Rue de L'Abbé-Grégoire|Rue du "
     "Bât-D'Argent|Place de L'Europe|Rue Saint-Georges|Boulevard de la Duchère|Rue Pasteur|Avenue Vauban|Rue "
     "Principale",
     "Brest|Nîmes|Dijon|Pau|Le "
     "Mans|Saint-Denis|Besançon|Aulnay-sous-Bois|Orléans|Limoges|Angers|Créteil|L'Haÿ-les-Roses|Perpignan",
     "Gard|Savoie|Finistère|Haute-Corse|Val-d'Oise|Côtes-d'Armor|Seine-Saint-Denis|Ardèche|Lot-et-Garonne|"
     "Isère",
     "", 10000, 99999, "0#-##-##-##-##", "06-##-##-##-##", "INSEE", "gyymm######## ##"},
    {"GB", "United Kingdom",
     "Oliver|Harry|George|Alfie|Jack|Owen|Rhys|Callum|Duncan|Fergus|Gareth|Nigel|Clive|Terrence|Wayne|Ewan|"
     "Miles|Ronnie",
     "Amelia|Poppy|Isla|Grace|Freya|Ellie|Bethany|Gwen|Maureen|Florence|Harriet|Beatrix|Rosie|Nerys|Edith|"
     "Tilly|Martha|Abigail",
     "Hughes|Evans|Shaw|Webb|Fox|Lane|Pearson|Griffiths|Macdonald|Welch|Baxter|Mills|Fletcher|Carr|Woods|"
     "Jennings|Ross|Terry|Fowler|Obrien|Prescott|Holland|Bennett|Hale|Day|Chapman",
     "Church Lane|Mill Road|Station Road|The Crescent|Grange Road|Park Lane|Queens Road|The Grove|New "
     "Street|Windsor Road|St. John’s Road|Manchester Road",
     "Truro|Leeds|Wells|Derby|Ely|St Davids|Chichester|Newry|Westminster|Inverness|Ripon|Brighton and "
     "Hove|Lisburn|Stirling",
     "Kent|Fife|Powys|County Down|Rutland|Gwent|Tyne and Wear|Isle of Wight|Highlands and Islands|Dorset",
     "@@# #@@", 0, 0, "01### ######", "07### ######", "NINO", "@@ ## ## ## @"},
    {"IE", "Ireland",
     "Conor|Sean|Cian|Rory|Finn|Eoin|Tadhg|Oisín|Darragh|Cathal|Fionn|Brendan|Kieran|Seamus|Aidan|Niall|"
     "Dermot|Ronan",
     "Aoife|Saoirse|Niamh|Erin|Orla|Ciara|Roisin|Caoimhe|Sinéad|Maeve|Bridget|Eimear|Clodagh|Deirdre|Gráinne|"
     "Nora|Una|Sorcha",
     "Murphy|Byrne|Doyle|Walsh|O'Connor|Ryan|Kennedy|Gallagher|Nolan|Brennan|Fitzgerald|Lynch|Daly|Burke|"
     "Hayes|Keane|Fleming|Sheehan|Foley|Hogan|Riordan|Mullan|Quinn|Cullen|Carroll|Duffy",
     "Grafton Street|Dame Street|Cork Street|Mill Lane|Patrick Street|Pearse Street|Shop Street|Strand "
     "Road|Main Street|Church Road|Park Avenue|Green Lane",
     "Sligo|Ennis|Athlone|Tralee|Navan|Westport|Clonmel|Tullow|Balbriggan|Carrigtwohill|Mullingar|Loughrea|"
     "Cobh|Dún Laoghaire",
     "Mayo|Kerry|Galway City|Wicklow|Dún Laoghaire–Rathdown|Offaly|Louth|Leitrim|Donegal|Roscommon", "",
     10000, 99999, "0##-###-####", "08#-###-####", "PPS", "#######@"},
    {"IN", "India",
     "Aarav|Rohan|Vivaan|Arjun|Kiran|Dev|Ishaan|Reyansh|Krishna|Mohit|Sanjay|Balachandra|Tejas|Harish|Yuvraj|"
     "Ansh|Chetan|Girish",
     "Ananya|Diya|Isha|Kavya|Priya|Sneha|Lakshmi|Radha|Anjali|Nisha|Pooja|Suhani|Tara|Aishwarya|Meera|"
     "Vaishnavi|Chaitra|Sarita",
     "Patel|Nair|Shetty|Kumar|Rao|Gupta|Chatterjee|Kulkarni|Mugeraya|Saldanha|Prabhu|Bhat|Kavser|Uchil|"
     "Salian|Gamskar|Anchan|Nayak|Rai|Das|Dsouza|Acharya|Iyer|Mathew|Saha|Chavare",
     "MG Rd|Linking Rd|Anna Salai|Park St|Commercial St|Residency Rd|Brigade Rd|Hill Rd|Fashion St|Sadar "
     "Bazaar Rd|Naiduthota|Chandni Chowk",
     "Mysore|Kochi|Surat|Pune|Ranchi|Bharatpur|Guna|Tiruvottiyur|Machilipatnam|Siliguri|Amravati|Port "
     "Blair|Udaipur|Haridwar",
     "Kerala|Goa|Punjab|Odisha|Nagaland|Himachal Pradesh|Tamil Nadu|Andaman and Nicobar Islands|Sikkim|West "
     "Bengal",
     "", 10000, 99999, "##########", "##########", "UIDAI", "############"},
    {"IR", "Iran",
     "امیر|رضا|پارسا|آرش|سام|علی|مهدی|کیان|آرین|سپهر|ماهان|یاشار|محمد|ایلیا|دانیال|طاها|بنیامین|امیرحسین",
     "سارا|نازنین|هستی|مهسا|الینا|آوا|پارمیس|ستایش|عسل|کیانا|ملیکا|باران|یلدا|درسا|آیلین|ثنا|رها|فاطمه زهرا",
     "محمدی|کریمی|احمدی|رضایی|موسوی|صدر|جعفری|حسینی|کامروا|پارسا|سلطانی "
     "نژاد|گلشن|نجاتی|یاسمی|مرادی|حیدری|قاسمی|زارعی|علیزاده|سهیلی راد|نکو نظر|رضاییان|کوتی|یغمایی",
     "شهید بهشتی|انقلاب|ولیعصر|آزادی|میدان امام خمینی|جمهوری|پارک ولیعصر|شهید مطهری|کارگر شمالی|دکتر "
     "چمران|مجاهدین اسلام|فداییان اسلام",
     "تبریز|شیراز|قم|یزد|ساری|اهواز|ارومیه|خرم‌آباد|پاکدشت|ملارد|کرمانشاه|بجنورد|"
     "سبزوار|"
     "گرگان",
     "فارس|گیلان|سمنان|البرز|کردستان|خراسان شمالی|آذربایجان غربی|مازندران|هرمزگان|چهارمحال و بختیاری", "",
     10000, 99999, "0##-########", "09##-###-####", "", ""},
    {"MX", "Mexico",
     "Mateo|Emiliano|Iker|Saúl|Raúl|Hugo|Abelardo|Tadeo|Cuauhtémoc|Ramón|Fidel|Benito|Gael|Ulises|Jesús|"
     "Octavio|Nicolás|Wilfrido",
     "Ximena|Regina|Camila|Julia|Noemí|Elisa|Guadalupe|Itzel|Citlali|Esperanza|Marisol|Paloma|Yareli|"
     "Fernanda|Dulce|Concepción|Minerva|Abril",
     "Peña|Rivas|Cortés|Zúñiga|Lara|Solís|Olivo|Cintrón|Ceballos|Tejeda|Montañez|Carrasco|Villalobos|Quezada|"
     "Arredondo|Delgadillo|Orozco|Leiva|Godoy|Chapa|Murillo|Tafoya|Robledo|Sosa|Urías|de la Torre",
     "Calzada Guerrero|Andador Norte|Avenida Juárez|Callejón Sur|Pasaje Chihuahua|Calle Norte "
     "Sonora|Boulevard Sur Jaime|Circuito Nayarit|Privada Tlaxcala|Prolongación Sur|Cerrada "
     "Morelos|Periférico Sur Zapata",
     "León|Xalapa|Oaxaca|Saltillo|Tepic|El Fuerte|Huautla|Santa Cruz Aquiahuac|Ciudad Aramara|Ojo de "
     "Agua|San Juan Tepa|La Higuera|Los Nogales|Chamapa",
     "Jalisco|Nayarit|Yucatán|Chiapas|Nuevo León|San Luis Potosí|Quintana Roo|Michoacán|Baja California "
     "Sur|Veracruz",
     "", 10000, 99999, "(###) ### ####", "(###) ### ####", "NSS", "## ## ## #### #"},
    {"NL", "Netherlands",
     "Daan|Sem|Bram|Thijs|Joris|Niek|Jan-Willem|Floris|Koen|Wouter|Marijn|Ruben|Teun|Gijs|Sjoerd|Casper|"
     "Menno|Diederik",
     "Sanne|Lotte|Fleur|Noa|Evi|Roos|Femke|Anne-Fleur|Maartje|Hilde|Jolijn|Wietske|Saskia|Yara|Tessa|Loïs|"
     "Marloes|Indy",
     "de Vries|van Dijk|Bakker|Visser|Smit|Mulder|van den Heuvel|Kuiper|Verweij|Postma|de "
     "Bruijn|Schouten|Hoekstra|Zijlstra|Jaspers|van 't Hof|Timmer|Wolters|Bosman|Molenaar|van Kampen|Ten "
     "Broeke|Boukhari|Groen|Dekker|Blom",
     "Dorpsstraat|Kerkweg|Molenlaan|Havenpad|De Bleek|Burgemeester van Weringstraat|Lange "
     "Nieuwstraat|Julianalaan|Wilgenstraat|Oosterkade|Zuiderzeeweg|Van Goghlaan",
     "Delft|Breda|Zwolle|Edam|Goes|'s-Gravenmoer|Oud-Beijerland|Ter Aar|De Kwakel|Sint Jansteen|Wijk bij "
     "Duurstede|Hoogeveen|IJlst|Kûbaard",
     "Utrecht|Drenthe|Zeeland|Fryslân|Gelderland|Noord-Brabant|Zuid-Holland|Flevoland|Limburg|Overijssel", "",
     1000, 9999, "(0###) ######", "(06) ########", "BSN", "########"},
    {"NO", "Norway",
     "Jakob|Håkon|Emil|Odin|Sander|Lars|Sivert|Torbjørn|Kasper|Mikkel|Magnus|Iver|Bård|Ole-Johan|Sindre|"
     "Theodor|Jørgen|Aksel",
     "Ingrid|Nora|Sofie|Åse|Thea|Maja|Ragnhild|Silje|Bodil|Solveig|Eline|Sunniva|Frøydis|Tiril|Vilde|Hedda|"
     "Mathea|Oda",
     "Berg|Bakken|Solheim|Ødegård|Moen|Lie|Halvorsen|Brekke|Nygård|Løkken|Tangen|Sætre|Haugen|Fjeld|Myhre|"
     "Strand|Dahl|Rønning|Hagen|Ruud|Vik|Aune|Bøe|Gundersen|Kvam|Steen",
     "Kirkeveien|Storgata|Skogveien|Øvre gate|Bjørnstjerne Bjørnsons "
     "plass|Munkedamsveien|Sørkedalsveien|Elvegata|Fjellveien|Rådhusgata|Nedre Ullevål|Skøyenåsveien",
     "Bergen|Tromsø|Hamar|Ålesund|Molde|Ølen|Bø i "
     "Telemark|Lysøysundet|Åndalsnes|Husøy|Skrova|Kvinesdal|Gjøvik|Ytre Arna",
     "Oslo|Troms - Romsa|Viken|Rogaland|Vestfold|Møre og Romsdal|Sogn og Fjordane|Nordland|Finnmark - "
     "Finnmárku|Buskerud",
     "####", 0, 0, "########", "########", "FN", "ddmmyy#####"},
    {"NZ", "New Zealand",
     "Mason|Cooper|Hunter|Leo|Blake|Toby|Tane|Wiremu|Nikau|Beau|Quinn|Jayden|Ihaia|Lachlan|Manaia|George|"
     "Braxton|Corban",
     "Aria|Zoe|Maia|Isla|Paige|Lily|Anahera|Hine|Kiri|Aroha|Mereana|Peyton|Skye|Brooke|Hollie|Indie|Ngaire|"
     "Willow",
     "Kumar|Taylor|Harris|Zhang|Green|Turner|Wang|Ngata|Li|Patel|Roberts|Walker|Singh|Te "
     "Whare|Brown|Chen|Hughes|Morris|Cooper|Parata|Edwards|Wilson|Moore|Robinson|Hall|Jackson",
     "Queen Street|Marine Parade|Tory Street|Manukau Road|Ponsonby Road|Karangahape Road|Lambton Quay|Great "
     "South Road|Riddiford Street|Moorhouse Avenue|Taradale Road|St Asaph Street",
     "Nelson|Napier|Timaru|Gore|Taupō|Whangarei|Lower Hutt|Palmerston "
     "North|Whanganui|Invercargill|Greymouth|Rotorua|Masterton|Ōamaru",
     "Otago|Waikato|Taranaki|Northland|Canterbury|Bay of Plenty|Hawke's "
     "Bay|Southland|Gisborne|Manawatu-Wanganui",
     "", 10000, 99999, "(###)-###-####", "(###)-###-####", "", ""},
    {"RS", "Serbia",
     "Никола|Стефан|Лука|Марко|Вук|Павле|Драгољуб|Ђорђе|Слободан|Живојин|Растко|Милош|Немања|Огњен|Љубомир|"
     "Синиша|Јован|Раде",
     "Милица|Јована|Ана|Теодора|Нина|Маша|Снежана|Љиљана|Душанка|Весна|Ђурђа|Живка|Софија|Сташа|Чарна|Вида|"
     "Зорица|Дуња",
     "Петровић|Јовић|Илић|Симић|Лукић|Ђорђевић|Стојановић|Живковић|Матић|Трајковић|Бабић|Ђукић|Недељковић|"
     "Маринковић|Савић|Крстић|Обрадовић|Шијан|Цвијановић|Којић|Милић|Вујић|Поповић|Рашковић|Љубичић|"
     "Дамјановић",
     "Светог Саве|Кнеза Милоша|Дунавска|Змај Јовина|Краља Петра|Мирка Томића|Јурија Гагарина|Солунских "
     "Ратника|Цара Душана|Војводе Степе|Николе Пашића|Његошева",
     "Ниш|Суботица|Ваљево|Бор|Шабац|Лозница|Ћуприја|Зрењанин|Ужице|Крагујевац|Рашка|Љубовија|Сомбор|Жабаљ",
     "Мачва|Рашка|Срем|Браничево|Косово|Шумадија|Топлица|Средњи Банат|Пчиња|Златибор", "", 10000, 99999,
     "0##-####-###", "06#-####-###", "SID", "#########"},
    {"TR", "Turkey",
     "Emre|Can|Kaan|Eren|Yiğit|Ömer|Çağan|Oğuzhan|Tuğrul|Berk|Şahin|Kerem|Arda|Deniz|Ümit|Alparslan|Gökhan|"
     "Doruk",
     "Elif|Zeynep|Defne|İrem|Büşra|Ece|Gülşah|Çağla|Nisa|Özge|Pınar|Sıla|Ebru|Naz|Aslı|Şevval|Begüm|Yağmur",
     "Yılmaz|Kaya|Şahin|Çelik|Özkan|Aydın|Öztürk|Karaböcek|Erçetin|Kuday|Tekelioğlu|Durmaz|Bakırcıoğlu|"
     "Çatalbaş|Günday|Poyrazoğlu|Süleymanoğlu|Ağaoğlu|Kıraç|Topaloğlu|Akay|Körmükçü|Sandalcı|Uluhan|Yetkiner|"
     "Erbay",
     "Atatürk Sk|İstiklal Cd|Bağdat Cd|Kushimoto Sk|Tunalı Hilmi Cd|Abanoz Sk|Mevlana Cd|Vatan Cd|Necatibey "
     "Cd|Fatih Sultan Mehmet Cd|Filistin Cd|Anafartalar Cd",
     "Bursa|Muğla|İzmir|Van|Uşak|Kütahya|Ağrı|Diyarbakır|Eskişehir|Çankırı|Balıkesir|Nevşehir|Iğdır|Trabzon",
     "Ordu|Çorum|Bolu|Sinop|Şırnak|Karabük|Hakkâri|Aydın|Kırşehir|Gümüşhane", "", 10000, 99999,
     "(###)-###-####", "(###)-###-####", "", ""},
    {"UA", "Ukraine",
     "Данило|Богдан|Тарас|Юрій|Олег|Назар|П'єр|Остап|Святослав|Мирослав|Зиновій|Лук'ян|Ярема|Всеволод|Ждан|"
     "Устим|Орест|Чеслав",
     "Оксана|Софія|Дарина|Марія|Ярина|Їванна|Соломія|Щаслава|Божена|Орися|Квітка|Галина|Ілона|Стефанія|"
     "Мальва|Єва|Жанна|Уляна",
     "Шевченко|Бойко|Мельник|Ковальчук|Лисенко|Гнатюк|Ківелюк|Дашенко|Вовк|Петлюра|Сорока|Гайдук|Яременко|"
     "Щербань|Чубенко|Ґалаґан|Іщенко|Федорів|Приймак|Цимбалюк|Бабенко|Хоменко|Рудик|Зубко|Кравець|Юрченко",
     "Хрещатик|Соборна|Лугова|Паркова|Академіка Корольова|Бульвар Шевченка|Джохара "
     "Дудаєва|Прорізна|Лісова|Площа Ринок|Набережна, 1-ша черга|Щаслива",
     "Київ|Одеса|Рівне|Суми|Ужгород|Кам'янець-Подільський|Бердичів|Шостка|Яготин|Знам'янка|Боярка|Чернігів|"
     "Їзюм|Жовква",
     "Львівська|Київська|Волинська|Одеська|Сумська|Закарпатська|Чернівецька|Херсонська|Івано-Франківська|"
     "Кіровоградська",
     "", 10000, 99999, "(0##) @##-####", "(0##) @##-####", "", ""},
    {"US", "United States",
     "James|Ethan|Caleb|Derek|Wayne|Hunter|Tyrone|Brent|Marcus|Dwayne|Cody|Leroy|Clifton|Travis|Roland|Ted|"
     "Vernon|Dustin",
     "Jennie|Emily|Grace|Denise|Sonia|Rose|Tamara|Krin|Lillie|Yolanda|Savannah|Bernice|Loretta|Sherry|Peggy|"
     "Jo|Dianne|Marlene",
     "Nichols|Carter|Lowe|Simmons|Ortiz|Dean|Hansen|Gutierrez|Bradley|Sims|Torres|Meyer|Ray|Hicks|Castro|"
     "Ramos|Little|Ruiz|Montgomery|Wheeler|Stanley|Owens|Beck|Perkins|Gomez|Rhodes",
     "Valwood Pkwy|Washington Ave|Oak Lawn Ave|Dogwood Ave|Spring St|W Sherman Dr|Lovers Ln|Nowlin "
     "Rd|Ranchview Dr|Thornridge Cir|E Pecan St|N Stelling Rd",
     "Billings|Austin|Toledo|Boise|Salem|Washington, D.C.|Coeur d'Alene|St. Petersburg|Winston-Salem|Chula "
     "Vista|Des Moines|Tallahassee|Fort Wayne|Moreno Valley",
     "Michigan|Ohio|Utah|Maine|New Hampshire|North Dakota|Louisiana|Hawaii|West Virginia|Kansas", "", 10000,
     99999, "(###) ###-####", "(###) ###-####", "SSN", "###-##-####"},
});
// clang-format on

constexpr auto zones = std::to_array<TimeZone>({
    {"-12:00", "Eniwetok, Kwajalein"},
    {"-11:00", "Midway Island, Samoa"},
    {"-10:00", "Hawaii"},
    {"-9:00", "Alaska"},
    {"-8:00", "Pacific Time (US & Canada)"},
    {"-7:00", "Mountain Time (US & Canada)"},
    {"-6:00", "Central Time (US & Canada), Mexico City"},
    {"-5:00", "Eastern Time (US & Canada), Bogota, Lima"},
    {"-4:00", "Atlantic Time (Canada), Caracas, La Paz"},
    {"-3:30", "Newfoundland"},
    {"-3:00", "Brazil, Buenos Aires, Georgetown"},
    {"-2:00", "Mid-Atlantic"},
    {"-1:00", "Azores, Cape Verde Islands"},
    {"0:00", "Western Europe Time, London, Lisbon, Casablanca"},
    {"+1:00", "Brussels, Copenhagen, Madrid, Paris"},
    {"+2:00", "Kaliningrad, South Africa"},
    {"+3:00", "Baghdad, Riyadh, Moscow, St. Petersburg"},
    {"+3:30", "Tehran"},
    {"+4:00", "Abu Dhabi, Muscat, Baku, Tbilisi"},
    {"+4:30", "Kabul"},
    {"+5:00", "Ekaterinburg, Islamabad, Karachi, Tashkent"},
    {"+5:30", "Bombay, Calcutta, Madras, New Delhi"},
    {"+5:45", "Kathmandu"},
    {"+6:00", "Almaty, Dhaka, Colombo"},
    {"+7:00", "Bangkok, Hanoi, Jakarta"},
    {"+8:00", "Beijing, Perth, Singapore, Hong Kong"},
    {"+9:00", "Tokyo, Seoul, Osaka, Sapporo, Yakutsk"},
    {"+9:30", "Adelaide, Darwin"},
    {"+10:00", "Eastern Australia, Guam, Vladivostok"},
    {"+11:00", "Magadan, Solomon Islands, New Caledonia"},
});

constexpr auto adjective_list = std::to_array<std::string_view>(
    {"yellow", "big",    "happy",    "tiny",   "silver",    "organic", "lazy",   "crazy", "heavy", "purple",
     "golden", "sad",    "ticklish", "angry",  "beautiful", "black",   "blue",   "brown", "green", "orange",
     "red",    "white",  "small",    "goofy",  "smart",     "bright",  "calm",   "brave", "quiet", "loud",
     "swift",  "sleepy", "gentle",   "proud",  "clever",    "fuzzy",   "hidden", "lucky", "misty", "noble",
     "polite", "rapid",  "shiny",    "silent", "sunny",     "wild",    "witty",  "young"});

constexpr auto animal_list = std::to_array<std::string_view>(
    {"peacock", "bear",    "lion",     "swan",   "duck",   "panda",   "gorilla", "rabbit",
     "meercat", "ostrich", "wolf",     "koala",  "zebra",  "frog",    "bird",    "butterfly",
     "cat",     "dog",     "elephant", "fish",   "goose",  "ladybug", "leopard", "mouse",
     "snake",   "tiger",   "otter",    "badger", "beaver", "camel",   "crane",   "deer",
     "eagle",   "falcon",  "ferret",   "gecko",  "heron",  "hippo",   "lemur",   "lynx",
     "moose",   "newt",    "owl",      "parrot", "puffin", "raven",   "seal",    "walrus"});

constexpr auto password_list = std::to_array<std::string_view>(
    {"addison", "sunshine", "dragon",  "qwerty",  "monkey",  "cheese", "trouble",  "phoenix",
     "raiders", "tango",    "willow",  "juggalo", "bigdog",  "marvin", "snowball", "pepper",
     "hotrod",  "gizmo",    "summer1", "wizard",  "lakers",  "casper", "merlin",   "zeppelin",
     "rocket",  "velvet",   "orange1", "tigers",  "buster",  "shadow", "maverick", "chess",
     "pirate",  "bullet",   "storm",   "ranger",  "harley1", "magnum", "nirvana",  "trinity",
     "blaster", "cobra",    "digger",  "express", "falcon1", "guitar", "hunter2",  "iceman",
     "jackpot", "killer1",  "legend",  "mustang", "nebula",  "office", "plasma",   "quartz",
     "rainbow", "saturn",   "topgun",  "united",  "vision",  "winter", "yankee",   "zxcvbn"});

/// Letters beyond ASCII, each with what an e-mail address has in its place; what has nothing is silent.
constexpr std::string_view letters =
    "áa àa âa ãa äa åa āa æae ÁA ÀA ÂA ÃA ÄA ÅA ĀA ÆAe "
    "çc ćc čc ÇC ĆC ČC ðd Ðd éÉe èe êe ëe ÉE ÈE ÊE ËE ğg ĞG íi ìi îi ïi ıi ÍI ÌI ÎI ÏI İI "
    "ñn ÑN óo òo ôo õo öo øo ōo ÓO ÒO ÔO ÕO ÖO ØO ŌO ßss şs šs ŞS ŠS úu ùu ûu üu ūu ÚU ÙU ÛU ÜU "
    "ÿy žz ŽZ ’' "
    "аa бb вv гg ґg дd еe єie жzh зz иy іi їyi йi кk лl мm нn оo пp рr сs тt уu фf хkh цts чch шsh щshch ь ъ "
    "ыy эe юiu "
    "яia ђdj јj љlj њnj ћc џdz "
    "АA БB ВV ГG ҐG ДD ЕE ЄYe ЖZh ЗZ ИY ІI ЇYi ЙY КK ЛL МM НN ОO ПP РR СS ТT УU ФF ХKh ЦTs ЧCh ШSh ЩShch ЮYu "
    "ЯYa "
    "ЂDj ЈJ ЉLj ЊNj ЋC ЏDz "
    "آa اa بb پp تt ثs جj چch حh خkh دd ذz رr زz ژzh سs شsh صs ضd طt ظz عa غgh فf قgh کk گg لl مm نn وv هh "
    "یy ئy ";

std::size_t character_bytes(char first) {
    auto byte = std::uint8_t(first);
    if (byte < 0x80) return 1;
    if (byte < 0xE0) return 2;
    return byte < 0xF0 ? 3 : 4;
}

using Letters = std::unordered_map<std::string_view, std::string_view>;

Letters read_letters() {
    Letters known;
    auto rest = letters;
    while (!rest.empty()) {
        auto pair = rest.substr(0, rest.find(' '));
        rest.remove_prefix(pair.size() + 1);
        auto length = character_bytes(pair.front());
        known.emplace(pair.substr(0, length), pair.substr(length));
    }
    return known;
}

std::vector<std::string_view> split(std::string_view list) {
    std::vector<std::string_view> parts;
    while (true) {
        auto bar = list.find('|');
        parts.push_back(list.substr(0, bar));
        if (bar == std::string_view::npos) return parts;
        list.remove_prefix(bar + 1);
    }
}

std::vector<Name> names(std::string_view list) {
    std::vector<Name> made;
    for (auto text : split(list)) made.push_back({text, mail_name(text)});
    return made;
}

std::vector<Nation> read_nations() {
    std::vector<Nation> made;
    for (auto& from : written) {
        made.push_back({from.code, from.country, names(from.male), names(from.female), names(from.last),
                        split(from.streets), split(from.cities), split(from.states), from.postcode_format,
                        from.postcode_from, from.postcode_to, from.phone, from.cell, from.id_name,
                        from.id_format});
    }
    return made;
}

}  // namespace

std::string mail_name(std::string_view text) {
    static const Letters known = read_letters();
    std::string out;
    while (!text.empty()) {
        auto letter = text.substr(0, character_bytes(text.front()));
        text.remove_prefix(letter.size());
        char c = letter.front();
        if (letter.size() > 1) {
            auto found = known.find(letter);
            if (found == known.end())
                out += '?';
            else
                for (char l : found->second) out += l >= 'A' && l <= 'Z' ? char(l + 32) : l;
        } else if (c >= 'A' && c <= 'Z') {
            out += char(c + 32);
        } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'') {
            out += c;
        }
    }
    return out;
}

std::span<const Nation> nations() {
    static const std::vector<Nation> all = read_nations();
    return all;
}
std::span<const TimeZone> time_zones() {
    return zones;
}
std::span<const std::string_view> adjectives() {
    return adjective_list;
}
std::span<const std::string_view> animals() {
    return animal_list;
}
std::span<const std::string_view> passwords() {
    return password_list;
}

}  // namespace penstock::replica
