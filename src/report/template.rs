//! Strict Handlebars: a value that is not there stops the page, also inside `{{#if}}`, which the
//! library would let pass; nothing but our own pictures and the style sheet is printed unescaped.

use std::collections::BTreeMap;

use handlebars::template::{HelperTemplate, Parameter, Template, TemplateElement};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy, Output, RenderContext,
    RenderError, RenderErrorReason, Renderable,
};

use super::blocks;
use super::chart::Svg;
use super::files::{ReportFiles, TemplateFile};
use super::view::PageView;
use super::words::Words;
use crate::config::nearest;
use crate::diagnostic::Diagnostic;

/// Name of the page's own template.
const PAGE: &str = "page";

/// Parsed and checked templates of one report.
#[derive(Debug)]
pub struct Templates {
    /// By the name they include each other by, with their paths.
    by_name: BTreeMap<String, (String, Template)>,
    /// Words that they ask for, with where they first do.
    pub words: BTreeMap<String, (String, usize, usize)>,
}

impl Templates {
    /// Parses all of a report's templates and tells every problem.
    pub fn parse(files: &ReportFiles) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let mut templates = Self {
            by_name: BTreeMap::new(),
            words: BTreeMap::new(),
        };
        let page = std::iter::once((PAGE, &files.page));
        let partials = files
            .partials
            .iter()
            .map(|(name, file)| (name.as_str(), file));
        for (name, file) in page.chain(partials) {
            match Template::compile_with_name(&file.text, name.to_owned()) {
                Ok(template) => {
                    let mut walk = Walk {
                        file,
                        problems: &mut problems,
                        words: &mut templates.words,
                    };
                    walk.template(&template);
                    templates
                        .by_name
                        .insert(name.to_owned(), (file.path.clone(), template));
                }
                Err(error) => {
                    let problem = blocks::problem(&file.path, &file.text).unwrap_or_else(|| {
                        let (line, column) = error.pos().unwrap_or((0, 0));
                        Diagnostic {
                            file: file.path.clone(),
                            line,
                            column,
                            cause: "not a template from here on".to_owned(),
                            mend: "a value is {{name}}, a block {{#each names}}…{{/each}}, a part {{> name}}".to_owned(),
                        }
                    });
                    problems.push(problem);
                }
            }
        }
        if problems.is_empty() {
            Ok(templates)
        } else {
            Err(problems)
        }
    }

    /// Renders a page; the problem names the template and its line.
    pub fn render(
        &self,
        view: &PageView,
        charts: &[Svg],
        words: &Words,
        style_sheet: &str,
    ) -> Result<String, Box<Diagnostic>> {
        let mut engine = Handlebars::new();
        engine.set_strict_mode(true);
        engine.set_prevent_indent(true);
        for (name, (_, template)) in &self.by_name {
            engine.register_template(name, template.clone());
        }
        engine.register_helper("if", Box::new(StrictIf { when: true }));
        engine.register_helper("unless", Box::new(StrictIf { when: false }));
        engine.register_helper("word", Box::new(Word(words)));
        engine.register_helper("chart", Box::new(Chart(charts)));
        engine.register_helper("style_sheet", Box::new(StyleSheet(style_sheet)));
        engine
            .render(PAGE, view)
            .map_err(|error| Box::new(self.problem(&error)))
    }

    fn problem(&self, error: &RenderError) -> Diagnostic {
        let name = error.template_name.as_deref().unwrap_or(PAGE);
        let (cause, mend) = self.words_for(error.reason());
        Diagnostic {
            file: self
                .by_name
                .get(name)
                .map_or_else(|| name.to_owned(), |(path, _)| path.clone()),
            line: error.line_no.unwrap_or(0),
            column: error.column_no.unwrap_or(0),
            cause,
            mend,
        }
    }

    /// What a failure means, and how to mend it.
    fn words_for(&self, reason: &RenderErrorReason) -> (String, String) {
        match reason {
            RenderErrorReason::MissingVariable(Some(path)) => (
                format!("there is nothing named `{path}` here"),
                "print only what the page's view has: see the templates of the built-in project"
                    .to_owned(),
            ),
            RenderErrorReason::HelperNotFound(name) => (
                format!("there is no helper `{name}`"),
                "helpers are `if`, `unless`, `each`, `with`, `word`, `chart` and `style_sheet`"
                    .to_owned(),
            ),
            RenderErrorReason::PartialNotFound(name) => {
                let known: Vec<&str> = self
                    .by_name
                    .keys()
                    .map(String::as_str)
                    .filter(|known| *known != PAGE)
                    .collect();
                let near = nearest(name, known.iter().copied())
                    .map_or_else(String::new, |near| format!("did you mean `{near}`? "));
                (
                    format!("there is no part `{name}`"),
                    format!("{near}there are: {}", known.join(", ")),
                )
            }
            other => (
                other.to_string(),
                "a template may print only what the page's view has, helpers and words that exist"
                    .to_owned(),
            ),
        }
    }
}

/// Looks through a template for what is not allowed and for the words it asks for.
struct Walk<'a> {
    file: &'a TemplateFile,
    problems: &'a mut Vec<Diagnostic>,
    words: &'a mut BTreeMap<String, (String, usize, usize)>,
}

impl Walk<'_> {
    fn template(&mut self, template: &Template) {
        for (at, element) in template.elements.iter().enumerate() {
            let place = template
                .mapping
                .get(at)
                .map_or((0, 0), |place| (place.0, place.1));
            self.element(element, place);
        }
    }

    fn element(&mut self, element: &TemplateElement, place: (usize, usize)) {
        match element {
            TemplateElement::HtmlExpression(_) => self.problem(
                place,
                "{{{…}}} prints without escaping",
                "write {{name}}; pictures are printed by {{chart …}}",
            ),
            TemplateElement::RawString(text) => {
                for banned in [
                    "<script",
                    "<link",
                    "<iframe",
                    "<object",
                    "<img",
                    "javascript:",
                ] {
                    if text.to_ascii_lowercase().contains(banned) {
                        self.problem(
                            place,
                            &format!("`{banned}`: a page holds no script and loads nothing"),
                            "leave it out; pictures are inline SVG, styles stand in page.css",
                        );
                    }
                }
            }
            TemplateElement::Expression(helper) | TemplateElement::HelperBlock(helper) => {
                self.helper(helper, place)
            }
            TemplateElement::DecoratorExpression(decorator)
            | TemplateElement::DecoratorBlock(decorator)
            | TemplateElement::PartialExpression(decorator)
            | TemplateElement::PartialBlock(decorator) => {
                for parameter in decorator.params.iter().chain(decorator.hash.values()) {
                    self.parameter(parameter, place);
                }
                if let Some(inner) = &decorator.template {
                    self.template(inner);
                }
            }
            _ => {}
        }
    }

    fn helper(&mut self, helper: &HelperTemplate, place: (usize, usize)) {
        if helper.name.as_name() == Some("word") {
            match helper.params.first() {
                Some(Parameter::Literal(serde_json::Value::String(word))) => {
                    self.words
                        .entry(word.clone())
                        .or_insert_with(|| (self.file.path.clone(), place.0, place.1));
                }
                _ => self.problem(
                    place,
                    "`word` wants a quoted name",
                    "write {{word \"name\"}}",
                ),
            }
        }
        for parameter in helper.params.iter().chain(helper.hash.values()) {
            self.parameter(parameter, place);
        }
        for inner in [&helper.template, &helper.inverse].into_iter().flatten() {
            self.template(inner);
        }
    }

    fn parameter(&mut self, parameter: &Parameter, place: (usize, usize)) {
        if let Parameter::Subexpression(inner) = parameter {
            self.element(inner.as_element(), place);
        }
    }

    fn problem(&mut self, (line, column): (usize, usize), cause: &str, mend: &str) {
        self.problems.push(Diagnostic {
            file: self.file.path.clone(),
            line,
            column,
            cause: cause.to_owned(),
            mend: mend.to_owned(),
        });
    }
}

/// `{{#if}}` and `{{#unless}}` that refuse a path leading nowhere.
struct StrictIf {
    when: bool,
}

impl HelperDef for StrictIf {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        engine: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = helper
            .param(0)
            .ok_or(RenderErrorReason::ParamNotFoundForIndex("if", 0))?;
        if value.is_value_missing() {
            return Err(RenderError::strict_error(value.relative_path()));
        }
        let inner = if value.value().is_truthy(false) == self.when {
            helper.template()
        } else {
            helper.inverse()
        };
        inner.map_or(Ok(()), |inner| inner.render(engine, context, state, out))
    }
}

/// `{{word "name"}}`: a word of the page's language, escaped.
struct Word<'a>(&'a Words);

impl HelperDef for Word<'_> {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let name = helper
            .param(0)
            .and_then(|value| value.value().as_str())
            .ok_or(RenderErrorReason::ParamNotFoundForIndex("word", 0))?;
        let word = self
            .0
            .word(name)
            .ok_or_else(|| RenderErrorReason::Other(format!("no word `{name}`")))?;
        out.write(&handlebars::html_escape(word))?;
        Ok(())
    }
}

/// `{{chart number}}`: one of the page's own pictures. It takes a number, so nothing from outside can
/// be printed by it.
struct Chart<'a>(&'a [Svg]);

impl HelperDef for Chart<'_> {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let svg = helper
            .param(0)
            .and_then(|value| value.value().as_u64())
            .and_then(|number| self.0.get(usize::try_from(number).ok()?))
            .ok_or_else(|| {
                RenderErrorReason::Other("`chart` wants the number of a picture".to_owned())
            })?;
        out.write(svg.markup())?;
        Ok(())
    }
}

/// `{{style_sheet}}`: `page.css` as it is; `check` has seen that it cannot leave its element.
struct StyleSheet<'a>(&'a str);

impl HelperDef for StyleSheet<'_> {
    fn call<'reg: 'rc, 'rc>(
        &self,
        _: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        out.write(self.0)?;
        Ok(())
    }
}
